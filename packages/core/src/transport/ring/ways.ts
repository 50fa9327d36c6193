import type { Span } from '../contract.js';

/** The producing end of one way through memory: a ring, or something simpler. Whatever the consumer wrote is checked when it is read. */
export interface MessageWriter {
  /** Room for a message of `length` bytes, or null when there is none. Claiming again without a commit gives the same room. */
  claim(length: number): Span | null;
  /**
   * Publishes a message of `length` bytes at the claimed place. True when the consumer sleeps and must be woken. With
   * `handles`, which are on their way already: so many travel beside it, 2^16 for each that is a block's.
   */
  commit(length: number, handles?: number): boolean;
  /** Publishes the end, if there is room. True when the consumer must be woken, null when there is no room. */
  tryEnd(): boolean | null;
  /** The consumer may be asleep, or dead: it is looked after before anything is sent to it. */
  readonly consumerSleeps: boolean;
  /** The consumer has taken all that was published. */
  readonly allTaken: boolean;
  /** This side is about to sleep until there is room; `claim` must be tried once more after this. */
  announceSleep(): void;
  withdrawSleep(): void;
  /** Set when something was published outside a commit and the consumer sleeps; the link rings and clears it. */
  wakeOwed: boolean;
}

/** The consuming end. Whatever the producer wrote is read once and checked before use. */
export interface MessageReader {
  /** The end was reached. */
  readonly ended: boolean;
  /** True when `receive` would give a message, or has news of the end or of a fault. */
  readonly ready: boolean;
  /** The next message, or null. Throws RingCorrupt. */
  receive(): Span | null;
  /** How many handles travel beside the received message, as of `commit`. */
  readonly handles: number;
  /** Frees the received message's room; `tell` lets the producer know at once. */
  release(tell?: boolean): void;
  /** Does what is published and unread close with the end? Moves nothing. */
  seesEnd(): boolean;
  /** This side is about to sleep until something is published; `ready` must be asked once more after this. */
  announceSleep(): void;
  withdrawSleep(): void;
  /** Set when room was freed and the producer sleeps for it; the link rings and clears it. */
  wakeOwed: boolean;
}

/** Thrown when the producer broke the layout: nothing can be read any further. */
export class RingCorrupt extends Error {}

/** Thrown when the producer published a message that is whole, but over this side's limit. */
export class RingOversize extends RingCorrupt {
  readonly bytes: number;

  constructor(bytes: number) {
    super(`a message of ${bytes} bytes`);
    this.bytes = bytes;
  }
}
