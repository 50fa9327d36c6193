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
import { type MessageReader, RingCorrupt, RingOversize } from './ways.js';

/** The consuming end of a ring. The producer's tail and lengths are untrusted: read once and checked before use. */
export class RingReader implements MessageReader {
  readonly #words: Int32Array;
  readonly #control: number;
  readonly #data: number;
  readonly #ringBytes: number;
  readonly #maxMessageBytes: number;
  readonly #span: { bytes: Buffer; view: DataView; start: number; end: number };
  /** What is taken, modulo 2^32. */
  #head = 0;
  /** The head as the producer sees it: brought up to date when there is time, not while a reply is waited for. */
  #publishedHead = 0;
  /** The producer's tail as last read: what is before it can be read without another look. */
  #seenTail = 0;
  /** Bytes of the record that was received and not yet released. */
  #held = 0;
  #ended = false;
  #handles = 0;
  /** Set when room was freed and the producer sleeps for it; the link rings and clears it. */
  wakeOwed = false;

  constructor(place: RingPlace, maxMessageBytes: number) {
    this.#words = place.segment.words;
    this.#control = place.control;
    this.#data = place.data;
    this.#ringBytes = place.segment.ringBytes;
    this.#maxMessageBytes = maxMessageBytes;
    this.#span = { bytes: place.segment.bytes, view: place.segment.view, start: 0, end: 0 };
  }

  /** The producer's end record was reached. */
  get ended(): boolean {
    return this.#ended;
  }

  get handles(): number {
    return this.#handles;
  }

  /** True when `receive` would give a message, or has news of the end or of a fault. */
  get ready(): boolean {
    for (;;) {
      if (this.#head === this.#seenTail && !this.#look()) return false;
      const offset = this.#head & (this.#ringBytes - 1);
      if (offset === 0 || this.#words[(this.#data + offset) >> 2] !== WRAP) return true;
      // What is wrong with a skip is for `receive` to tell.
      if (!this.#skipFrom(offset)) return true;
    }
  }

  /** The next message, or null. Throws RingCorrupt. */
  receive(): Span | null {
    for (;;) {
      if (this.#head === this.#seenTail && !this.#look()) return null;
      const offset = this.#head & (this.#ringBytes - 1);
      const length = this.#words[(this.#data + offset) >> 2] as number;
      if (length >= 0) return this.#lend(offset, length);
      if (length === END) {
        this.#ended = true;
        return null;
      }
      if (length !== WRAP || offset === 0 || !this.#skipFrom(offset)) {
        throw new RingCorrupt(`the record at ${offset} has the length ${length}`);
      }
    }
  }

  /**
   * Frees the received record's room. The producer learns of it at the latest when the consumer finds the ring empty,
   * and earlier when it sleeps for room or an eighth of the ring has been freed; `tell` lets it know at once.
   */
  release(tell = false): void {
    this.#head = (this.#head + this.#held) | 0;
    this.#held = 0;
    if (this.#handles !== 0) {
      this.#handles = 0;
      // The producer sends only so many handles ahead, and may wait for that.
      tell = true;
    }
    const freed = (this.#head - this.#publishedHead) | 0;
    if (tell || freed >= this.#ringBytes >> 3 || Atomics.load(this.#words, this.#control + PRODUCER_SLEEPS) !== 0) {
      this.#publish();
    }
  }

  /** Looks through what is published and unread: does it close with the end record? Reads lengths only, moves nothing. */
  seesEnd(): boolean {
    const tail = Atomics.load(this.#words, this.#control + TAIL);
    let head = this.#head;
    for (let left = (tail - head) | 0; left > 0; left = (tail - head) | 0) {
      const offset = head & (this.#ringBytes - 1);
      let length = this.#words[(this.#data + offset) >> 2] as number;
      if (length === END) return true;
      if (length >= WITH_HANDLES) length -= WITH_HANDLES;
      if (length < WRAP || length > this.#ringBytes || left > this.#ringBytes) return false;
      head = (head + (length === WRAP ? this.#ringBytes - offset : recordBytes(length))) | 0;
    }
    return false;
  }

  /** Says that this side is about to sleep until something is published; `ready` must be asked once more after this. */
  announceSleep(): void {
    Atomics.store(this.#words, this.#control + CONSUMER_SLEEPS, 1);
  }

  withdrawSleep(): void {
    Atomics.store(this.#words, this.#control + CONSUMER_SLEEPS, 0);
  }

  /** Looks whether the producer has published more. */
  #look(): boolean {
    this.#seenTail = Atomics.load(this.#words, this.#control + TAIL);
    if (this.#seenTail !== this.#head) return true;
    // Nothing is there to read, so there is time to tell the producer what was freed.
    if (this.#head !== this.#publishedHead) this.#publish();
    return false;
  }

  #lend(offset: number, length: number): Span {
    const record = recordBytes(length);
    const unread = (this.#seenTail - this.#head) >>> 0;
    if (
      length > this.#maxMessageBytes ||
      record > unread ||
      record > this.#ringBytes - offset ||
      unread > this.#ringBytes
    ) {
      if (length >= WITH_HANDLES) return this.#lendLaden(offset, length - WITH_HANDLES);
      throw this.#refusal(offset, length, record, unread);
    }
    this.#held = record;
    const span = this.#span;
    span.start = this.#data + offset + RECORD_HEADER_BYTES;
    span.end = span.start + length;
    return span;
  }

  #lendLaden(offset: number, length: number): Span {
    const handles = this.#words[((this.#data + offset) >> 2) + 1] as number;
    if (handles < 1) throw new RingCorrupt(`the record at ${offset} comes with ${handles} handles`);
    const span = this.#lend(offset, length);
    this.#handles = handles;
    return span;
  }

  #refusal(offset: number, length: number, record: number, unread: number): RingCorrupt {
    if (unread > this.#ringBytes)
      return new RingCorrupt(`its tail is ${unread} bytes ahead in a ring of ${this.#ringBytes}`);
    if (record <= unread && record <= this.#ringBytes - offset) return new RingOversize(length);
    return new RingCorrupt(`the record at ${offset} claims ${length} bytes, more than can be there`);
  }

  /** False when the skip is not whole: the producer publishes it in one, so that a tail within it is a lie. */
  #skipFrom(offset: number): boolean {
    const skip = this.#ringBytes - offset;
    const unread = (this.#seenTail - this.#head) >>> 0;
    if (skip > unread || unread > this.#ringBytes) return false;
    this.#head = (this.#head + skip) | 0;
    this.#publish();
    return true;
  }

  #publish(): void {
    const words = this.#words;
    this.#publishedHead = this.#head;
    Atomics.store(words, this.#control + HEAD, this.#head);
    const sleeps = this.#control + PRODUCER_SLEEPS;
    if (Atomics.load(words, sleeps) !== 0 && Atomics.exchange(words, sleeps, 0) === 1) this.wakeOwed = true;
  }
}
