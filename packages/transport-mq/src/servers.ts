import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { type Identity, LifeWatch, lives } from './life.js';
import type { Place } from './place.js';
import { readRoster, serversIn } from './roster.js';

/** More servers than these the kernel can't watch for a blocked thread. */
const MOST_WATCHED = 8;

/** A server that a client's link knows. */
export interface KnownServer {
  readonly box: number;
  readonly queue: MessageQueueHandle;
  readonly life: LifeWatch;
}

/** The servers of a mailbox, as one client knows them. */
export class Servers {
  readonly #native: NativeAddon;
  readonly #place: Place;
  readonly #onDeath: (box: number) => void;
  readonly #known = new Map<number, KnownServer>();
  /** Those that have gone: what they sent before still counts. */
  readonly #gone = new Set<number>();
  /** The servers have changed since the kernel was told whom to watch for a blocked thread. */
  #unwatched = true;
  #watchesAll = false;

  constructor(native: NativeAddon, place: Place, onDeath: (box: number) => void) {
    this.#native = native;
    this.#place = place;
    this.#onDeath = onDeath;
  }

  get all(): readonly KnownServer[] {
    return [...this.#known.values()];
  }

  get size(): number {
    return this.#known.size;
  }

  get(box: number): KnownServer | undefined {
    return this.#known.get(box);
  }

  /** It is a server's box, or was one. */
  served(box: number): boolean {
    return this.#known.has(box) || this.#gone.has(box);
  }

  meet(server: Identity & { readonly box: number }): void {
    const { box } = server;
    if (this.#known.has(box)) return;
    const queue = this.#native.attachMessageQueue(box);
    const life = new LifeWatch(this.#native, server, () => this.#onDeath(box));
    this.#known.set(box, { box, queue, life });
    this.#unwatched = true;
  }

  /** Somebody has answered: one who has come since, or nobody that a roster knows. */
  meetUnknown(box: number): void {
    if (this.#known.has(box)) return;
    const member = readRoster(this.#place)?.members.find((one) => one.box === box);
    if (member !== undefined && lives(member)) this.meet(member);
  }

  /** Meets the servers that have come since; gives how many have been found dead so far. */
  refresh(): number {
    const roster = readRoster(this.#place);
    for (const server of serversIn(roster)) this.meet(server);
    return roster?.deaths ?? 0;
  }

  /** False when it was not known. */
  lose(box: number): boolean {
    const server = this.#known.get(box);
    if (server === undefined) return false;
    this.#known.delete(box);
    this.#gone.add(box);
    this.#unwatched = true;
    server.life.close();
    server.queue.close();
    return true;
  }

  /** Has the kernel wake a thread that waits for `own` when one of them dies. False when they are too many for that. */
  watchFor(own: MessageQueueHandle): boolean {
    if (!this.#unwatched) return this.#watchesAll;
    const fds = this.all.flatMap(({ life }) => (life.fd === undefined || life.fd.value < 0 ? [] : [life.fd]));
    this.#native.watchWhileAwaiting(own, ...fds.slice(0, MOST_WATCHED));
    this.#unwatched = false;
    this.#watchesAll = fds.length === this.#known.size && fds.length <= MOST_WATCHED;
    return this.#watchesAll;
  }

  close(): void {
    for (const { queue, life } of this.#known.values()) {
      life.close();
      queue.close();
    }
    this.#known.clear();
  }
}
