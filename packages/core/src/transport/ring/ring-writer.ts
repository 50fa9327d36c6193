import type { Span } from '../contract.js';
import {
  CONSUMER_SLEEPS,
  END,
  HEAD,
  PRODUCER_SLEEPS,
  RECORD_HEADER_BYTES,
  type RingPlace,
  recordBytes,
  TAIL,
  WITH_HANDLES,
  WRAP,
} from './layout.js';
import type { MessageWriter } from './ways.js';

/**
 * Past this offset an empty ring starts over at its beginning, so that light traffic stays within memory that is warm
 * in the caches instead of walking through the whole ring.
 */
const REWIND_BYTES = 64 * 1024;

/** Messages with handles, and handles, that may be under way: they take room in the tables of the kernel and of the peer. */
const LADEN_MESSAGES = 64;
const LADEN_HANDLES = 256;

/** The producing end of a ring. The consumer's `head` is untrusted and checked whenever it is read. */
export class RingWriter implements MessageWriter {
  readonly #words: Int32Array;
  readonly #control: number;
  readonly #data: number;
  readonly #ringBytes: number;
  readonly #span: { bytes: Buffer; view: DataView; start: number; end: number };
  /** What is published, modulo 2^32; the next record goes to this offset, modulo the ring's size. */
  #tail = 0;
  /** The consumer's head as last read: re-read only when the ring looks full, to leave its cache line alone. */
  #seenHead = 0;
  /** Bytes before the claimed record that lead to the ring's start. */
  #skip = 0;
  #rewindAt = REWIND_BYTES;
  /** Messages with handles that the consumer had not taken when last looked, by the tail behind each. */
  readonly #laden: { readonly tail: number; readonly handles: number }[] = [];
  #ladenHandles = 0;
  /** Set when a claim published a skip to the start and the consumer sleeps; the link rings and clears it. */
  wakeOwed = false;

  constructor(place: RingPlace) {
    this.#words = place.segment.words;
    this.#control = place.control;
    this.#data = place.data;
    this.#ringBytes = place.segment.ringBytes;
    this.#span = { bytes: place.segment.bytes, view: place.segment.view, start: 0, end: 0 };
  }

  /**
   * Room for a message of `length` bytes, at most `largestMessage(ringBytes)`, or null when the ring is full. Claiming
   * again without a commit gives the same room: there is nothing to undo.
   */
  claim(length: number): Span | null {
    if (this.#ladenHandles !== 0 && this.#overladen()) return null;
    const record = recordBytes(length);
    let offset = this.#tail & (this.#ringBytes - 1);
    this.#skip = 0;
    if (offset + record > this.#ringBytes || (offset >= this.#rewindAt && this.#shouldRewind(offset, record))) {
      this.#skip = this.#ringBytes - offset;
      if (!this.#hasRoom(this.#skip + record)) {
        this.#publishSkip(offset);
        return null;
      }
      offset = 0;
    } else if (!this.#hasRoom(record)) {
      return null;
    }
    const span = this.#span;
    span.start = this.#data + offset + RECORD_HEADER_BYTES;
    span.end = span.start + length;
    return span;
  }

  /** Publishes a message of `length` bytes at the claimed place. True when the consumer sleeps and must be woken. */
  commit(length: number, handles = 0): boolean {
    let offset = this.#tail & (this.#ringBytes - 1);
    const skip = this.#skip;
    if (skip !== 0) {
      this.#words[(this.#data + offset) >> 2] = WRAP;
      this.#skip = 0;
      this.#rewindAt = REWIND_BYTES;
      offset = 0;
    }
    const at = (this.#data + offset) >> 2;
    const bytes = skip + recordBytes(length);
    this.#words[at] = length;
    if (handles > 0) {
      this.#words[at] = length | WITH_HANDLES;
      this.#words[at + 1] = handles;
      const all = (handles & 0xffff) + (handles >>> 16);
      this.#laden.push({ tail: (this.#tail + bytes) | 0, handles: all });
      this.#ladenHandles += all;
    }
    return this.#publish(bytes);
  }

  #overladen(): boolean {
    this.#unread();
    while (this.#laden.length > 0 && ((this.#seenHead - this.#laden[0]!.tail) | 0) >= 0) {
      this.#ladenHandles -= this.#laden.shift()!.handles;
    }
    return this.#laden.length >= LADEN_MESSAGES || this.#ladenHandles >= LADEN_HANDLES;
  }

  /** Publishes the end of the stream, if there is room. True when the consumer must be woken, null when the ring is full. */
  tryEnd(): boolean | null {
    if (!this.#hasRoom(RECORD_HEADER_BYTES)) return null;
    this.#words[(this.#data + (this.#tail & (this.#ringBytes - 1))) >> 2] = END;
    return this.#publish(RECORD_HEADER_BYTES);
  }

  /** Whether the consumer says that it sleeps: it must be woken for what is published next. */
  get consumerSleeps(): boolean {
    return Atomics.load(this.#words, this.#control + CONSUMER_SLEEPS) !== 0;
  }

  /** The consumer has taken all that was published. */
  get allTaken(): boolean {
    return this.#tail === this.#seenHead || this.#unread() === 0;
  }

  /** Says that this side is about to sleep until there is room; `claim` must be tried once more after this. */
  announceSleep(): void {
    Atomics.store(this.#words, this.#control + PRODUCER_SLEEPS, 1);
  }

  withdrawSleep(): void {
    Atomics.store(this.#words, this.#control + PRODUCER_SLEEPS, 0);
  }

  #hasRoom(bytes: number): boolean {
    const most = this.#ringBytes - bytes;
    return ((this.#tail - this.#seenHead) | 0) <= most || this.#unread() <= most;
  }

  /** Bytes that the consumer has not taken. */
  #unread(): number {
    const head = Atomics.load(this.#words, this.#control + HEAD);
    const unread = (this.#tail - head) | 0;
    const before = (this.#tail - this.#seenHead) | 0;
    // A head outside what was published is the peer's lie: ignoring it leaves the ring full, never overwritten.
    if (unread < 0 || unread > before) return before;
    this.#seenHead = head;
    return unread;
  }

  #shouldRewind(offset: number, record: number): boolean {
    if (this.#ringBytes - offset + record <= this.#ringBytes && this.#unread() === 0) return true;
    this.#rewindAt = offset + REWIND_BYTES;
    return false;
  }

  /** Lets the consumer go on to the ring's start by itself, when there is no room for a message after the skip. */
  #publishSkip(offset: number): void {
    const skip = this.#skip;
    this.#skip = 0;
    if (!this.#hasRoom(skip)) return;
    this.#words[(this.#data + offset) >> 2] = WRAP;
    this.#rewindAt = REWIND_BYTES;
    if (this.#publish(skip)) this.wakeOwed = true;
  }

  #publish(bytes: number): boolean {
    const words = this.#words;
    this.#tail = (this.#tail + bytes) | 0;
    Atomics.store(words, this.#control + TAIL, this.#tail);
    const sleeps = this.#control + CONSUMER_SLEEPS;
    return Atomics.load(words, sleeps) !== 0 && Atomics.exchange(words, sleeps, 0) === 1;
  }
}
