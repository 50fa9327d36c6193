import { type MessageReader, type MessageWriter, RingCorrupt, RingOversize, type Span } from '@callgate/core/transport';
import { EMPTY, END, FULL, LENGTH, MESSAGE, MESSAGE_BYTES, SLOT_BYTES, STATUS } from './layout.js';

/** Who polls for the two slots of a link. */
export interface Polling {
  /** Something moved: what is waited for next comes soon. */
  moved(): void;
  /** Somebody waits on the event loop, or no longer does, for room (0) or for a message (1). */
  awaited(what: 0 | 1, on: boolean): void;
  /** It has been quiet for long enough that the peer may be gone. */
  readonly quiet: boolean;
}

/** One slot of a link's memory. Made once per link. */
class Slot {
  readonly words: Int32Array;
  readonly span: { bytes: Buffer; view: DataView; start: number; end: number };
  /** Index of the first word. */
  readonly at: number;
  readonly start: number;

  constructor(memory: ArrayBuffer, index: 0 | 1) {
    this.words = new Int32Array(memory);
    this.at = (index * SLOT_BYTES) / 4;
    this.start = index * SLOT_BYTES + MESSAGE;
    this.span = { bytes: Buffer.from(memory), view: new DataView(memory), start: this.start, end: this.start };
  }

  get status(): number {
    return Atomics.load(this.words, this.at + STATUS);
  }

  /** Gives the slot to the other side: what was written before is seen by whoever sees this. */
  pass(status: number): void {
    Atomics.store(this.words, this.at + STATUS, status);
  }

  over(length: number): Span {
    this.span.end = this.start + length;
    return this.span;
  }
}

/** The sender's side of a slot: it may write while the status is `empty`. */
export class SlotWriter implements MessageWriter {
  readonly #slot: Slot;
  readonly #polling: Polling;
  /** Nobody can be woken: the peer polls. */
  wakeOwed = false;

  constructor(memory: ArrayBuffer, index: 0 | 1, polling: Polling) {
    this.#slot = new Slot(memory, index);
    this.#polling = polling;
  }

  claim(length: number): Span | null {
    return this.#slot.status === EMPTY ? this.#slot.over(length) : null;
  }

  commit(length: number): boolean {
    this.#slot.words[this.#slot.at + LENGTH] = length;
    this.#slot.pass(FULL);
    this.#polling.moved();
    return false;
  }

  tryEnd(): boolean | null {
    if (this.#slot.status !== EMPTY) return null;
    this.#slot.pass(END);
    return false;
  }

  get consumerSleeps(): boolean {
    return this.#polling.quiet;
  }

  get allTaken(): boolean {
    return this.#slot.status !== FULL;
  }

  announceSleep(): void {
    this.#polling.awaited(0, true);
  }

  withdrawSleep(): void {
    this.#polling.awaited(0, false);
  }
}

/** The receiver's side of a slot: it may read while the status is `full`. Status and length are the peer's words. */
export class SlotReader implements MessageReader {
  readonly #slot: Slot;
  readonly #polling: Polling;
  readonly #maxMessageBytes: number;
  #ended = false;
  wakeOwed = false;
  /** None can travel. */
  readonly handles = 0;

  constructor(memory: ArrayBuffer, index: 0 | 1, polling: Polling, maxMessageBytes: number) {
    this.#slot = new Slot(memory, index);
    this.#polling = polling;
    this.#maxMessageBytes = maxMessageBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get ready(): boolean {
    return this.#slot.status !== EMPTY;
  }

  receive(): Span | null {
    const { status } = this.#slot;
    if (status === EMPTY) return null;
    if (status === END) {
      this.#ended = true;
      return null;
    }
    if (status !== FULL) throw new RingCorrupt(`a slot has the status ${status}`);
    const length = this.#slot.words[this.#slot.at + LENGTH]! >>> 0;
    if (length > MESSAGE_BYTES) throw new RingCorrupt(`a slot of ${MESSAGE_BYTES} bytes has a message of ${length}`);
    if (length > this.#maxMessageBytes) throw new RingOversize(length);
    this.#polling.moved();
    return this.#slot.over(length);
  }

  release(): void {
    // Whoever releases twice, or what it never received, must not free a slot that is the sender's.
    if (this.#slot.status === FULL) this.#slot.pass(EMPTY);
  }

  seesEnd(): boolean {
    return this.#slot.status === END;
  }

  announceSleep(): void {
    this.#polling.awaited(1, true);
  }

  withdrawSleep(): void {
    this.#polling.awaited(1, false);
  }
}
