import { writeFileSync } from 'node:fs';
import type { Capabilities, Direction, Handle, Link, Transport } from '../../transport/contract.js';
import { defaultDirection, directionMismatch, opposite } from '../../transport/directions.js';
import { joinLinks } from '../../transport/joined-link.js';
import type { Fault, Faults } from './faults.js';
import { type Carrier, ReferenceLink } from './link.js';
import {
  capabilitiesOf,
  checkPatience,
  connectSync,
  inUse,
  refuseRules,
  resolveLimit,
  unreachable,
  validateOptions,
} from './reference.js';

const CAPACITY_BYTES = 100_000;

/** A link to the same thread: what one side sends, the other has. */
class MemoryCarrier implements Carrier {
  readonly #own: ReferenceLink;
  readonly #other: ReferenceLink;
  readonly #faults: Faults;
  #gone = false;

  constructor(own: ReferenceLink, other: ReferenceLink, faults: Faults) {
    this.#own = own;
    this.#other = other;
    this.#faults = faults;
  }

  room(bytes: number): boolean {
    const { waitingBytes } = this.#other;
    if (this.#faults.has('is never full')) return waitingBytes < 1 << 30;
    return waitingBytes === 0 || waitingBytes + bytes <= CAPACITY_BYTES;
  }

  send(message: Buffer, handles: readonly Handle[]): void {
    this.#other.deliver(message, handles);
  }

  taken(): void {
    this.#other.roomAgain();
  }

  async finish(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#faults.has('ignores the deadline of close')) {
      while (this.#other.waitingBytes > 0) await new Promise(setImmediate);
    }
    if (this.#faults.has('drops on close')) while (this.#other.receive() !== null) this.#other.release();
    this.#other.peerEnded(true);
  }

  drop(): void {
    if (this.#gone) return;
    this.#gone = true;
    // To a peer that has said goodbye there is nothing left to say.
    if (this.#own.end?.by !== 'peer') this.#other.peerEnded(false);
  }

  hold(): void {
    // Memory keeps nothing alive.
  }
}

interface Place {
  accept(link: Link): void;
  readonly limit: number;
  readonly direction: Direction;
}

export interface MemoryOptions {
  /** Those that it has. @default duplex only */
  readonly directions?: readonly Direction[];
  /** Duplex links are joined of two one-way links. @default false */
  readonly joined?: boolean;
  /** Messages get lost and doubled. @default false */
  readonly lossy?: boolean;
  /** Handles with one message, at most. @default 0 */
  readonly handles?: number;
}

/** A transport between two ends on one thread: as little as keeps the contract. */
export function createMemoryTransport(list: readonly Fault[], options: MemoryOptions = {}): Transport {
  const faults: Faults = new Set(options.lossy ? [...list, 'drops a message', 'doubles a message'] : list);
  const exact = capabilitiesOf(faults, false, options.directions, options.handles);
  const capabilities: Capabilities = options.lossy ? { ...exact, delivery: 'lossy' } : exact;
  const places = new Map<string, Place>();
  const everyLink = new Set<ReferenceLink>();

  /** Both ends of a link. */
  function pair(
    url: string,
    most: number,
    direction: Direction,
  ): readonly [client: ReferenceLink, server: ReferenceLink] {
    const client = new ReferenceLink({ address: url }, most, faults, direction);
    const server = new ReferenceLink({ address: 'memory:client' }, most, faults, opposite(direction));
    client.carrier = new MemoryCarrier(client, server, faults);
    server.carrier = new MemoryCarrier(server, client, faults);
    if (faults.has('mixes its links up')) mixUp(client, server);
    for (const link of [client, server]) {
      link.mostHandles = options.handles ?? 0;
      everyLink.add(link);
      void link.closed.then(() => {
        everyLink.delete(link);
        if (faults.has('ends all links with one')) for (const other of everyLink) other.abort();
      });
    }
    return [client, server];
  }

  const senders = new Map<string, ReferenceLink[]>();

  /** What one sends, the peer of the one before it has. */
  function mixUp(client: ReferenceLink, server: ReferenceLink): void {
    for (const [role, link, peer] of [
      ['client', client, server],
      ['server', server, client],
    ] as const) {
      const before = senders.get(role) ?? [];
      senders.set(role, [...before, peer]);
      link.carrier.send = (message, handles) => (before.at(-1) ?? peer).deliver(message, handles);
    }
  }

  return {
    scheme: 'memory',
    capabilities,
    validateOptions,
    connectSync,
    async connect(address, opening, deadline, signal) {
      const limit = resolveLimit(opening, faults);
      checkPatience(deadline, signal);
      const place = places.get(address.path);
      if (place === undefined) throw unreachable(address.url);
      const direction = opening.direction ?? defaultDirection('connect', capabilities);
      if (direction !== opposite(place.direction)) throw directionMismatch(address.url, direction, place.direction);
      const most = Math.min(limit, place.limit);
      if (!options.joined) {
        const [client, server] = pair(address.url, most, direction);
        place.accept(server);
        return client;
      }
      const forth = pair(address.url, most, 'send');
      const back = pair(address.url, most, 'receive');
      place.accept(joinLinks(back[1], forth[1]));
      return joinLinks(forth[0], back[0]);
    },
    async listen(address, opening, onLink) {
      const limit = resolveLimit(opening, faults);
      refuseRules(opening, faults);
      if (places.has(address.path) && !faults.has('takes an address in use')) throw inUse(address.url);
      if (faults.has('leaves a file behind')) writeFileSync(address.path, '');
      const accepted: Link[] = [];
      const direction = opening.direction ?? defaultDirection('listen', capabilities);
      const accept = (link: Link) => onLink(accepted[accepted.push(link) - 1]!);
      const place: Place = { limit, direction, accept };
      places.set(address.path, place);
      return {
        url: address.url,
        async close() {
          if (faults.has('ends its links with the listener')) for (const link of accepted) link.abort();
          if (faults.has('keeps its address')) return;
          if (places.get(address.path) === place) places.delete(address.path);
        },
        ref() {},
        unref() {},
      };
    },
  };
}
