import type { Span } from '../contract.js';
import {
  CONSUMER_SLEEPS,
  HEAD,
  PRODUCER_SLEEPS,
  RECORD_HEADER_BYTES,
  type RingPlace,
  recordBytes,
  STATE_EMPTY,
  STATE_END,
  STATE_WRAP,
} from './layout.js';

/**
 * Past this offset an empty ring starts over at its beginning, so that light traffic stays within memory that is warm
 * in the caches instead of walking through the whole ring.
 */
const REWIND_BYTES = 64 * 1024;

/** The producing end of a ring. The consumer's `head` is untrusted and checked whenever it is read. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #control: number;
  readonly #data: number;
  readonly #ringBytes: number;
  readonly #span: { bytes: Buffer; view: DataView; start: number; end: number };
  /** Offset of the next record within the ring, and the same as a running total modulo 2^32. */
  #offset = 0;
  #tail = 0;
  /** The consumer's head as last read: re-read only when the ring looks full, to leave its cache line alone. */
  #seenHead = 0;
  #rewindAt = REWIND_BYTES;
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
    const record = recordBytes(length);
    if (this.#offset >= this.#rewindAt) this.#rewindIfEmpty();
    if (this.#offset + record > this.#ringBytes) {
      if (!this.#hasRoom(this.#ringBytes - this.#offset)) return null;
      this.#wrap();
    }
    if (!this.#hasRoom(record)) return null;
    const start = this.#data + this.#offset + RECORD_HEADER_BYTES;
    const span = this.#span;
    span.start = start;
    span.end = start + length;
    return span;
  }

  /** Publishes a message of `length` bytes at the claimed place. True when the consumer sleeps and must be woken. */
  commit(length: number): boolean {
    return this.#publish(length + 1, recordBytes(length));
  }

  /** Publishes the end of the stream, if there is room. True when the consumer must be woken, null when the ring is full. */
  tryEnd(): boolean | null {
    if (!this.#hasRoom(RECORD_HEADER_BYTES)) return null;
    return this.#publish(STATE_END, RECORD_HEADER_BYTES);
  }

  /** Says that this side is about to sleep until there is room; `claim` must be tried once more after this. */
  announceSleep(): void {
    Atomics.store(this.#words, this.#control + PRODUCER_SLEEPS, 1);
  }

  withdrawSleep(): void {
    Atomics.store(this.#words, this.#control + PRODUCER_SLEEPS, 0);
  }

  /** The consumer has taken everything that was published. */
  #isDrained(): boolean {
    return this.#readHead() === this.#tail;
  }

  #hasRoom(bytes: number): boolean {
    const limit = this.#ringBytes - RECORD_HEADER_BYTES - bytes;
    if (((this.#tail - this.#seenHead) | 0) <= limit) return true;
    return ((this.#tail - this.#readHead()) | 0) <= limit;
  }

  #readHead(): number {
    const head = Atomics.load(this.#words, this.#control + HEAD);
    const unread = (this.#tail - head) | 0;
    // A head outside what was published is the peer's lie: ignoring it leaves the ring full, never overwritten.
    if (unread >= 0 && unread <= ((this.#tail - this.#seenHead) | 0)) this.#seenHead = head;
    return this.#seenHead;
  }

  #rewindIfEmpty(): void {
    if (this.#isDrained() && this.#hasRoom(this.#ringBytes - this.#offset)) this.#wrap();
    else this.#rewindAt = this.#offset + REWIND_BYTES;
  }

  #wrap(): void {
    if (this.#publish(STATE_WRAP, this.#ringBytes - this.#offset)) this.wakeOwed = true;
    this.#rewindAt = REWIND_BYTES;
  }

  #publish(state: number, record: number): boolean {
    const words = this.#words;
    const here = (this.#data + this.#offset) >> 2;
    let next = this.#offset + record;
    if (next === this.#ringBytes) next = 0;
    words[(this.#data + next) >> 2] = STATE_EMPTY;
    this.#offset = next;
    this.#tail = (this.#tail + record) | 0;
    Atomics.store(words, here, state);
    const sleeps = this.#control + CONSUMER_SLEEPS;
    return Atomics.load(words, sleeps) !== 0 && Atomics.exchange(words, sleeps, 0) === 1;
  }
}
