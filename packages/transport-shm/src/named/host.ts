/** The listening side: the place, and those who ask there. */
import { setTimeout } from 'node:timers/promises';
import { fromErrno, RpcError } from '@callgate/core/errors';
import {
  type Address,
  type Link,
  type Listener,
  RingLink,
  refusal,
  segmentBytes,
  segmentOver,
  segmentProblem,
} from '@callgate/core/transport';
import type { Bell, NativeAddon } from '@callgate/native';
import { NamedDoorbell } from './doorbell.js';
import {
  ACCEPTED,
  ASKED,
  CLIENT_START,
  CLOSED,
  FREE,
  LONGEST_TEXT,
  linksAt,
  MEMORY,
  MODE,
  NAME_AT,
  NAME_BYTES,
  OWNER,
  PLACE_MAGIC,
  PLACE_VERSION,
  placeBytes,
  placeProblem,
  REFUSED,
  REGISTERED_LINKS,
  RING_BYTES,
  SERVER_PID,
  SERVER_START,
  SLOTS,
  STATE,
  STATUS,
  slotAt,
  TAKEN,
  TEXT_AT,
  TEXT_BYTES,
  VERSION,
} from './layout.js';
import type { LinkMemory, Mechanism, MemoryReference, Place } from './mechanism.js';
import type { ResolvedNamedOptions } from './options.js';
import { isDead, readStart, watchedProcess, writeStart } from './process.js';

/** How often to try to make the place, a ms apart, while others come and go there. */
const TRIES = 500;
/** Clients accepted in one turn of the event loop. */
const ACCEPTED_AT_ONCE = 64;

/** Places that this thread serves: a blocking client of them would wait for itself. */
const served = new Set<string>();

export function isServedHere(scheme: string, name: string): boolean {
  return served.has(`${scheme}:${name}`);
}

export async function listen(
  mechanism: Mechanism,
  addon: NativeAddon,
  address: Address,
  options: ResolvedNamedOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void = () => undefined,
): Promise<Listener> {
  const name = mechanism.placeName(address.path, address.url);
  const bytes = placeBytes(options.backlog);
  const sweep = (old: ArrayBuffer): void => discardAll(mechanism, addon, name, old);
  let place: Place | null = null;
  try {
    for (let tries = 0; place === null; tries++) {
      if (tries > 0) await setTimeout(1);
      if (tries > TRIES) throw new RpcError('UNAVAILABLE', `cannot listen at ${address.url}: others come and go there`);
      place = mechanism.makePlace(addon, name, bytes, options, sweep);
    }
  } catch (error) {
    throw fromErrno(error, `cannot listen at ${address.url}`);
  }
  return new Host(mechanism, addon, address, name, place, options, onLink, onError);
}

class Host implements Listener {
  readonly url: string;
  readonly #mechanism: Mechanism;
  readonly #addon: NativeAddon;
  readonly #address: Address;
  readonly #name: string;
  readonly #options: ResolvedNamedOptions;
  readonly #onLink: (link: Link) => void;
  readonly #onError: (error: RpcError) => void;
  readonly #place: Place;
  readonly #words: Int32Array;
  readonly #door: Bell;
  #open = true;

  constructor(
    mechanism: Mechanism,
    addon: NativeAddon,
    address: Address,
    name: string,
    place: Place,
    options: ResolvedNamedOptions,
    onLink: (link: Link) => void,
    onError: (error: RpcError) => void,
  ) {
    this.url = address.url;
    this.#mechanism = mechanism;
    this.#addon = addon;
    this.#address = address;
    this.#name = name;
    this.#options = options;
    this.#onLink = onLink;
    this.#onError = onError;
    this.#place = place;
    this.#words = new Int32Array(place.mapping.buffer);
    this.#describe();
    this.#door = place.bell(1);
    this.#door.listen(() => this.#answer());
    this.#door.ref();
    served.add(`${mechanism.scheme}:${name}`);
    Atomics.store(this.#words, 0, PLACE_MAGIC);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    served.delete(`${this.#mechanism.scheme}:${this.#name}`);
    Atomics.store(this.#words, CLOSED, 1);
    const words = `the server at ${this.#address.url} has just stopped listening`;
    this.#forEachAsking((at) => this.#refuse(at, new RpcError('UNAVAILABLE', words)));
    // First the name, while clients can still see that it closes.
    this.#place.close();
    this.#door.close();
  }

  ref(): void {
    this.#door.ref();
  }

  unref(): void {
    this.#door.unref();
  }

  #describe(): void {
    const words = this.#words;
    words[VERSION] = PLACE_VERSION;
    words[RING_BYTES] = this.#options.ringBytes;
    words[SLOTS] = this.#options.backlog;
    words[SERVER_PID] = process.pid;
    writeStart(words, SERVER_START);
    words[MODE] = this.#options.mode;
    words[NAME_BYTES] = Buffer.from(this.#place.mapping.buffer, NAME_AT).write(this.#name);
  }

  #answer(): void {
    let left = ACCEPTED_AT_ONCE;
    this.#forEachAsking((at) => {
      if (left-- > 0) this.#admit(at);
    });
    if (left <= 0) setImmediate(() => this.#open && this.#answer());
    this.#discardDead();
  }

  #forEachAsking(visit: (at: number) => void): void {
    for (let slot = 0; slot < this.#options.backlog; slot++) {
      const at = slotAt(slot);
      if (Atomics.load(this.#words, at + STATE) === ASKED) visit(at);
    }
  }

  /** Whatever goes wrong with one of them concerns nobody else. */
  #admit(at: number): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, at + STATE, ASKED, TAKEN) !== ASKED) return;
    const pid = Atomics.load(words, at + OWNER);
    const start = readStart(words, at + CLIENT_START);
    const reference: MemoryReference = [words[at + MEMORY]!, words[at + MEMORY + 1]!];
    let memory: LinkMemory | undefined;
    let doorbell: NamedDoorbell | undefined;
    try {
      const { ringBytes } = this.#options;
      memory = this.#mechanism.openMemory(this.#addon, this.#name, reference, segmentBytes(ringBytes), this.#options);
      const { pidIsTold: _, ...credentials } = memory.maker(pid);
      const segment = segmentOver(memory.mapping.buffer, ringBytes);
      const problem = segmentProblem(segment);
      if (problem !== undefined) throw new RpcError('DATA_LOSS', problem);
      const peer = watchedProcess(this.#addon, credentials.pid, start);
      try {
        doorbell = new NamedDoorbell(this.#addon, memory, segment, 1, peer);
      } catch (error) {
        peer?.close();
        throw error;
      }
      const refused = refusal(this.#options.allow, credentials, this.#address.url);
      if (refused !== undefined) throw refused;
      const link = new RingLink({
        segment,
        side: 'acceptor',
        doorbell,
        peer: { address: this.#address.url, credentials },
        maxMessageBytes: this.#options.maxMessageBytes,
        strategy: this.#options.strategy,
        processors: this.#addon.availableCpus(),
      });
      memory.unlink();
      this.#register(link, at, memory);
      Atomics.store(words, at + STATE, ACCEPTED);
      doorbell.ring();
      this.#onLink(link);
    } catch (error) {
      const told = fromErrno(error, `cannot welcome a peer at ${this.#address.url}`);
      this.#tell(at, told);
      doorbell?.ring();
      if (doorbell !== undefined) {
        doorbell.close();
      } else if (memory !== undefined) {
        // Not heard, but found when the deadline comes or the bell is looked at: nobody can ring without a bell.
        memory.mapping.close();
        memory.close();
      }
      // Who has died while it asked concerns nobody.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') this.#onError(told);
    }
  }

  #refuse(at: number, error: RpcError): void {
    if (Atomics.compareExchange(this.#words, at + STATE, ASKED, TAKEN) !== ASKED) return;
    const reference: MemoryReference = [this.#words[at + MEMORY]!, this.#words[at + MEMORY + 1]!];
    this.#tell(at, error);
    try {
      const bytes = segmentBytes(this.#options.ringBytes);
      const memory = this.#mechanism.openMemory(this.#addon, this.#name, reference, bytes, this.#options);
      // Closing a bell rings it.
      memory.bell(1, null).close();
      memory.mapping.close();
      memory.close();
    } catch {
      // It is gone, or was never there.
    }
  }

  #tell(at: number, error: RpcError): void {
    const text = Buffer.from(error.message).subarray(0, LONGEST_TEXT);
    Buffer.from(this.#place.mapping.buffer, 4 * at + TEXT_AT, LONGEST_TEXT).set(text);
    this.#words[at + STATUS] = error.status;
    this.#words[at + TEXT_BYTES] = text.length;
    Atomics.store(this.#words, at + STATE, REFUSED);
  }

  /** Notes what would be left if both ends were killed, until it is removed. */
  #register(link: Link, at: number, memory: LinkMemory): void {
    const words = this.#words;
    const { reference } = memory;
    const first = linksAt(this.#options.backlog);
    const free = words.subarray(first, first + REGISTERED_LINKS).indexOf(0);
    if (free !== -1 && reference[1] !== 0) words[first + free] = reference[1] + 1;
    void link.closed.then(() => {
      // Nobody waits at them any more. Were they left to the end's last user, nobody would know of them for a while.
      memory.removeSemaphores();
      if (!this.#open) return;
      if (free !== -1) words[first + free] = 0;
      // One who was accepted and ended before it saw that.
      if (words[at + STATE] === ACCEPTED && words[at + MEMORY] === reference[0]) this.#freeSlot(at);
    });
  }

  #discardDead(): void {
    for (let slot = 0; slot < this.#options.backlog; slot++) {
      const at = slotAt(slot);
      const owner = Atomics.load(this.#words, at + OWNER);
      if (owner === 0 || owner === process.pid) continue;
      if (!isDead(owner, readStart(this.#words, at + CLIENT_START))) continue;
      discardSlot(this.#mechanism, this.#addon, this.#name, this.#words, at);
      this.#freeSlot(at);
    }
  }

  #freeSlot(at: number): void {
    const words = this.#words;
    words[at + CLIENT_START] = 0;
    words[at + CLIENT_START + 1] = 0;
    Atomics.store(words, at + STATE, FREE);
    Atomics.store(words, at + OWNER, 0);
  }
}

function discardSlot(mechanism: Mechanism, addon: NativeAddon, name: string, words: Int32Array, at: number): void {
  const state = Atomics.load(words, at + STATE);
  // Of an accepted one the link takes care.
  if (state !== ACCEPTED) mechanism.discardMemory(addon, name, [words[at + MEMORY]!, words[at + MEMORY + 1]!]);
}

/** What a dead server and those who were with it have left. */
function discardAll(mechanism: Mechanism, addon: NativeAddon, name: string, old: ArrayBuffer): void {
  if (placeProblem(old, name) !== undefined) return;
  const words = new Int32Array(old);
  const slots = words[SLOTS]!;
  for (let slot = 0; slot < slots; slot++) {
    const at = slotAt(slot);
    const owner = words[at + OWNER]!;
    if (owner !== 0 && isDead(owner, readStart(words, at + CLIENT_START)))
      discardSlot(mechanism, addon, name, words, at);
  }
  for (let i = 0; i < REGISTERED_LINKS; i++) {
    const semaphores = words[linksAt(slots) + i]!;
    if (semaphores > 0) mechanism.discardSemaphores(addon, semaphores - 1);
  }
}
