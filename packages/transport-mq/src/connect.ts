import { setTimeout } from 'node:timers/promises';
import { Reason, RpcError } from '@callgate/core/errors';
import { type Address, type Deadline, type Link, selfDeadlock, type TransportOptions } from '@callgate/core/transport';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { requireAddon } from './addon.js';
import { ClientLink } from './client-link.js';
import { leaver } from './leaving.js';
import { ownIdentity } from './life.js';
import { type MqOptions, type ResolvedMqOptions, resolveMqOptions } from './options.js';
import { type Place, placeOf } from './place.js';
import { makeBox } from './queues.js';
import { enter, modeOf, nobodyServes, type Roster, readRoster, refuseStrangers, serversIn } from './roster.js';
import { withLock, withLockSync } from './roster-lock.js';
import { servedHere } from './served.js';

/** A mailbox that is full is tried again after so many ms. */
const RETRY_MS = 2;

export async function connect(
  address: Address,
  options: TransportOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const resolved = resolveMqOptions(options as MqOptions);
  signal?.throwIfAborted();
  const native = requireAddon();
  const place = placeOf(address);
  refuseStrangers(place);
  mustBeServed(place, resolved);
  if (performance.now() >= deadline) throw late(place);
  const entry = new Entry(native, place, resolved);
  let link: ClientLink | undefined;
  try {
    link = entry.link(await withLock(native, place, resolved, () => entry.enter()));
    link.listen();
    if (!entry.served) return link;
    while (!link.open()) {
      if (performance.now() >= deadline) throw late(place);
      await setTimeout(RETRY_MS, undefined, { signal });
    }
    link.awaitsWelcome = true;
    await link.whenReadable(deadline, signal);
    return welcomed(link, place);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    if (link === undefined) await entry.giveUp();
    else if (!entry.kept(link)) link.abort();
  }
}

export function connectSync(address: Address, options: TransportOptions, deadline: Deadline): Link {
  const resolved = resolveMqOptions(options as MqOptions);
  const native = requireAddon();
  const place = placeOf(address);
  refuseStrangers(place);
  mustBeServed(place, resolved);
  if (performance.now() >= deadline) throw late(place);
  const servers = serversIn(readRoster(place));
  if (servers.length > 0 && servers.every(({ box }) => servedHere.has(place.roster, box)))
    throw selfDeadlock(place.url);
  const entry = new Entry(native, place, resolved);
  let link: ClientLink | undefined;
  try {
    link = entry.link(withLockSync(native, place, resolved, () => entry.enter()));
    if (!entry.served) return link;
    while (!link.open()) {
      if (performance.now() >= deadline) throw late(place);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
    link.awaitsWelcome = true;
    link.waitReadable(deadline);
    link = welcomed(link, place);
    link.listen();
    return link;
  } finally {
    if (link === undefined) void entry.giveUp();
    else if (!entry.kept(link)) link.abort();
  }
}

/** What it takes to become a client of a mailbox. */
class Entry {
  served = false;
  readonly #native: NativeAddon;
  readonly #place: Place;
  readonly #options: ResolvedMqOptions;
  #box: MessageQueueHandle | undefined;
  #leave: (() => Promise<void>) | undefined;

  constructor(native: NativeAddon, place: Place, options: ResolvedMqOptions) {
    this.#native = native;
    this.#place = place;
    this.#options = options;
  }

  /** Under the lock: a box that is in no roster would be left behind by a kill. */
  enter(): Roster {
    const native = this.#native;
    this.#box = makeBox(native, this.#place, modeOf(this.#place, this.#options));
    const box = native.messageQueueId(this.#box);
    this.#leave = leaver(native, this.#place, this.#options, box);
    return enter(native, this.#place, this.#options, { ...ownIdentity(), role: 'client', box });
  }

  link(roster: Roster): ClientLink {
    if (this.#box === undefined || this.#leave === undefined) throw new Error('link: enter first');
    const servers = serversIn(roster);
    this.served = servers.length > 0;
    return new ClientLink(
      {
        native: this.#native,
        place: this.#place,
        options: this.#options,
        mailbox: this.#native.attachMessageQueue(roster.queue),
        box: this.#box,
        persistent: roster.persistent,
        leave: this.#leave,
      },
      servers,
    );
  }

  kept(link: ClientLink): boolean {
    return link.end === undefined && (!this.served || link.welcomedBy !== undefined);
  }

  async giveUp(): Promise<void> {
    this.#box?.close();
    await this.#leave?.();
  }
}

/** Without a lock, so that asking in vain costs little. */
function mustBeServed(place: Place, options: ResolvedMqOptions): void {
  const roster = readRoster(place);
  if (!(roster?.persistent ?? options.persistent) && serversIn(roster).length === 0) throw nobodyServes(place);
}

function welcomed(link: ClientLink, place: Place): ClientLink {
  link.awaitsWelcome = false;
  if (link.welcomedBy !== undefined && link.end === undefined) return link;
  throw link.refusal ?? link.end?.error ?? late(place);
}

function late(place: Place): RpcError {
  const words = `cannot connect to ${place.url}: no server answered before the deadline passed`;
  return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE, failed: 'channel' });
}
