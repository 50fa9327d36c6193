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

/** Thrown when the producer broke the layout: the ring can't be read any further. */
export class RingCorrupt extends Error {}

/** Thrown when the producer published a message that is whole, but over this side's limit. */
export class RingOversize extends RingCorrupt {
  readonly bytes: number;

  constructor(bytes: number) {
    super(`a message of ${bytes} bytes`);
    this.bytes = bytes;
  }
}

/** The consuming end of a ring. The producer's states are untrusted: read once and checked before use. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #control: number;
  readonly #data: number;
  readonly #ringBytes: number;
  readonly #maxMessageBytes: number;
  readonly #span: { bytes: Buffer; view: DataView; start: number; end: number };
  #offset = 0;
  #head = 0;
  /** Bytes of the record that was received and not yet released. */
  #held = 0;
  #ended = false;
  /** Set when a skip freed room and the producer sleeps for it; the link rings and clears it. */
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

  /** True when `receive` would give a message, or has news of the end or of a fault. */
  get ready(): boolean {
    const state = Atomics.load(this.#words, (this.#data + this.#offset) >> 2);
    if (state === STATE_WRAP && this.#offset !== 0) {
      this.#skipToStart();
      return Atomics.load(this.#words, this.#data >> 2) !== STATE_EMPTY;
    }
    return state !== STATE_EMPTY;
  }

  /** The next message, or null. Throws RingCorrupt. */
  receive(): Span | null {
    const state = Atomics.load(this.#words, (this.#data + this.#offset) >> 2);
    if (state <= STATE_EMPTY) return state === STATE_EMPTY ? null : this.#receiveSpecial(state);
    const length = state - 1;
    const start = this.#offset + RECORD_HEADER_BYTES;
    if (length > this.#maxMessageBytes || length > this.#ringBytes - start) throw this.#refusal(length, start);
    this.#held = recordBytes(length);
    const span = this.#span;
    span.start = this.#data + start;
    span.end = span.start + length;
    return span;
  }

  /** Frees the received record's room. True when the producer sleeps for room and must be woken. */
  release(): boolean {
    const record = this.#held;
    if (record === 0) return false;
    this.#held = 0;
    return this.#advance(record);
  }

  /** Looks through what is published and unread: does it close with the end record? Reads states only, moves nothing. */
  seesEnd(): boolean {
    let offset = this.#offset;
    for (let walked = 0; walked < this.#ringBytes; ) {
      const state = Atomics.load(this.#words, (this.#data + offset) >> 2);
      if (state === STATE_END) return true;
      if (state === STATE_EMPTY || state < STATE_END || state > this.#ringBytes) return false;
      const record = state === STATE_WRAP ? this.#ringBytes - offset : recordBytes(state - 1);
      walked += record;
      offset = (offset + record) & (this.#ringBytes - 1);
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

  #refusal(length: number, start: number): RingCorrupt {
    if (length <= this.#ringBytes - start) return new RingOversize(length);
    return new RingCorrupt(`a record at ${this.#offset} claims ${length} bytes, more than can be there`);
  }

  #receiveSpecial(state: number): Span | null {
    if (state === STATE_END) {
      this.#ended = true;
      return null;
    }
    if (state !== STATE_WRAP || this.#offset === 0) {
      throw new RingCorrupt(`a record at ${this.#offset} has the unknown state ${state}`);
    }
    this.#skipToStart();
    return this.receive();
  }

  #skipToStart(): void {
    if (this.#advance(this.#ringBytes - this.#offset)) this.wakeOwed = true;
  }

  #advance(record: number): boolean {
    const words = this.#words;
    const next = this.#offset + record;
    this.#offset = next === this.#ringBytes ? 0 : next;
    this.#head = (this.#head + record) | 0;
    Atomics.store(words, this.#control + HEAD, this.#head);
    const sleeps = this.#control + PRODUCER_SLEEPS;
    return Atomics.load(words, sleeps) !== 0 && Atomics.exchange(words, sleeps, 0) === 1;
  }
}
