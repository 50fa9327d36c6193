import { writeFileSync } from 'node:fs';
import type { Direction, Handle, Link, Transport } from '../../transport/contract.js';
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
}

/** A transport between two ends on one thread: as little as keeps the contract. `handles`: with one message, at most. */
export function createMemoryTransport(list: readonly Fault[], direction: Direction = 'duplex', handles = 0): Transport {
  const faults: Faults = new Set(list);
  const places = new Map<string, Place>();
  const everyLink = new Set<ReferenceLink>();
  return {
    scheme: 'memory',
    capabilities: capabilitiesOf(faults, false, direction, handles),
    validateOptions,
    connectSync,
    async connect(address, options, deadline, signal) {
      const limit = resolveLimit(options, faults);
      checkPatience(deadline, signal);
      const place = places.get(address.path);
      if (place === undefined) throw unreachable(address.url);
      const most = Math.min(limit, place.limit);
      const client = new ReferenceLink({ address: address.url }, most, faults);
      const server = new ReferenceLink({ address: 'memory:client' }, most, faults);
      client.canSend = direction !== 'receive';
      server.canSend = direction !== 'send';
      client.mostHandles = handles;
      server.mostHandles = handles;
      client.carrier = new MemoryCarrier(client, server, faults);
      server.carrier = new MemoryCarrier(server, client, faults);
      for (const link of [client, server]) {
        everyLink.add(link);
        void link.closed.then(() => {
          everyLink.delete(link);
          if (faults.has('ends all links with one')) for (const other of everyLink) other.abort();
        });
      }
      place.accept(server);
      return client;
    },
    async listen(address, options, onLink) {
      const limit = resolveLimit(options, faults);
      refuseRules(options, faults);
      if (places.has(address.path) && !faults.has('takes an address in use')) throw inUse(address.url);
      if (faults.has('leaves a file behind')) writeFileSync(address.path, '');
      const accepted: Link[] = [];
      const place: Place = { limit, accept: (link) => onLink(accepted[accepted.push(link) - 1]!) };
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
