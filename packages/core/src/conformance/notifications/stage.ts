import assert from 'node:assert/strict';
import { parseAddress } from '../../transport/address.js';
import type { Link, Listener, Transport, TransportOptions } from '../../transport/contract.js';
import {
  NOTIFICATION_BYTES,
  type Notification,
  type NotificationLink,
  PLACE_AT,
  VALUE_AT,
} from '../../transport/notification.js';

/** What the suite listens for. Places: */
export const KNOCK = 0;
export const GUEST = 1;
export const NOTIFICATIONS: readonly Notification[] = [
  { path: 'suite.Door/Knock', value: undefined },
  { path: 'suite.Door/Guest', value: 'uint32' },
];

export interface Received {
  readonly place: number;
  readonly value: number;
}

/** One case's transport, and what it has made: all of it is taken down after the case. */
export class NotificationStage {
  readonly transport: Transport;
  readonly newUrl: () => string;
  readonly patienceMs: number;
  readonly #links = new Set<Link>();
  readonly #listeners: Listener[] = [];

  constructor(transport: Transport, newUrl: () => string, patienceMs: number) {
    this.transport = transport;
    this.newUrl = newUrl;
    this.patienceMs = patienceMs;
  }

  /** Listens, and gives the receiving end, which is there at once. */
  async listen(url = this.newUrl(), options: TransportOptions = {}) {
    const links: Link[] = [];
    const onLink = (link: Link): void => {
      this.#links.add(link);
      links.push(link);
    };
    const listener = await this.transport.listen(parseAddress(url), options, onLink, undefined, NOTIFICATIONS);
    this.#listeners.push(listener);
    assert.equal(links.length, 1, 'listening makes one link, that of all who send');
    return { url, listener, receiver: links[0] as NotificationLink };
  }

  async connect(url: string): Promise<NotificationLink> {
    const link = await this.transport.connect(parseAddress(url), {}, performance.now() + this.patienceMs);
    this.#links.add(link);
    return link as NotificationLink;
  }

  async pair(options?: TransportOptions) {
    const listening = await this.listen(undefined, options);
    return { ...listening, sender: await this.connect(listening.url) };
  }

  /** Receives so many. */
  async receive(link: Link, count: number): Promise<Received[]> {
    const all: Received[] = [];
    const until = performance.now() + this.patienceMs;
    while (all.length < count) {
      const one = receiveOne(link);
      if (one !== undefined) all.push(one);
      else assert.ok(await link.whenReadable(until), `only ${all.length} of ${count} notifications came`);
      if (link.ended) assert.fail(`the link ended after ${all.length} of ${count} notifications`);
    }
    return all;
  }

  async clear(): Promise<void> {
    for (const link of this.#links) link.abort();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}

export function receiveOne(link: Link): Received | undefined {
  const span = link.receive();
  if (span === null) return undefined;
  assert.equal(span.end - span.start, NOTIFICATION_BYTES, 'bytes of a notification');
  const place = span.view.getUint32(span.start + PLACE_AT, true);
  const value = span.view.getUint32(span.start + VALUE_AT, true);
  link.release();
  return { place, value };
}

/** False when the link is full. */
export function trySend(link: Link, place: number, value = 0): boolean {
  const span = link.claim(NOTIFICATION_BYTES);
  if (span === null) return false;
  span.view.setUint32(span.start + PLACE_AT, place, true);
  span.view.setUint32(span.start + VALUE_AT, value, true);
  link.commit(NOTIFICATION_BYTES);
  link.flush();
  return true;
}

export function send(link: Link, place: number, value = 0): void {
  assert.ok(trySend(link, place, value), 'the link is full');
}
