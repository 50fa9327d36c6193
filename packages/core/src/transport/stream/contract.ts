/**
 * What a link needs of a byte stream: a connected socket, a pair of pipes, a TLS connection. Bytes arrive in order and
 * unharmed, without boundaries. Not a public plug-in contract: transports are (../contract.ts).
 */
import type { Deadline, Handle, Peer } from '../contract.js';

/** Events, as bits; the native addon's `poll` and watchers use the same. */
export const READABLE = 1;
export const WRITABLE = 2;
/** The other side has ended its half, or is gone. */
export const HUNG_UP = 4;
/** The mechanism reports an error; the next read or write says which. */
export const FAILED = 8;

/** How handles travel with the bytes of a stream that can carry them. Errors as of the stream's own reads and writes. */
export interface HandleCourier {
  /**
   * As `tryRead`; appends to `into` the handles that came with the bytes, at most MOST_HANDLES: surplus ones are closed.
   * One call brings those of one `tryWriteWith` at most, and then no byte of a later one.
   */
  tryReadWith(bytes: Buffer, start: number, end: number, into: Handle[]): number;
  /** As `tryReadWith`, but waits as `waitRead` does. */
  waitReadWith(bytes: Buffer, start: number, end: number, into: Handle[], deadline: Deadline): number;
  /** As `tryWrite`. When it takes anything, handles go with the first byte; they stay the caller's, to be closed. */
  tryWriteWith(bytes: Buffer, start: number, end: number, handles: readonly Handle[]): number;
}

/**
 * A byte stream, owned by one link. Reads and writes throw a system error (with `code`, such as ECONNRESET) when the
 * stream fails; `close` and `abort` never throw, and nothing else is called after them.
 */
export interface ByteStream {
  readonly peer: Peer;
  /** Whether `wait` works: some streams live on the event loop only. */
  readonly blocking: boolean;
  /** What would make it work, in words that follow "or", where that is known. */
  readonly blockingRemedy?: string | undefined;
  /** Absent where no handles can travel. */
  readonly courier?: HandleCourier;
  /** Bytes read into `bytes[start, end)`; 0 at the end of the stream; -1 when nothing is there now. Never waits. */
  tryRead(bytes: Buffer, start: number, end: number): number;
  /** Bytes of `bytes[start, end)` taken, perhaps fewer than offered; -1 when the stream is full now. Never waits. */
  tryWrite(bytes: Buffer, start: number, end: number): number;
  /**
   * As tryRead, but while nothing is there it blocks the thread, until the deadline: -1 when that passed first. In one
   * system call where the mechanism can. Called only when `blocking`.
   */
  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number;
  /**
   * Blocks the thread until one of `events`, HUNG_UP or FAILED is the case: those that are, or 0 when the deadline
   * passed first. Called only when `blocking`.
   */
  wait(events: number, deadline: Deadline): number;
  /**
   * Blocks the thread until the receiver has taken all that was written: true. False when the deadline passed first,
   * undefined when the stream ended first. Absent where that cannot be told.
   */
  waitTaken?(deadline: Deadline): boolean | undefined;
  /**
   * Asked when the stream has ended between two messages, and without an end marker: whether its writer lives, and so
   * has ended it in order. Absent where that cannot be told; it counts as dead then.
   */
  writerLives?(): boolean;
  /** Called on the event loop with what is the case. Set by the link, before `watch`. */
  onEvents: (events: number) => void;
  /**
   * Which events `onEvents` hears of, from now on; 0 for none. Level-triggered: called again, once a turn of the loop,
   * as long as an event is both watched and the case. Watching what is watched already costs nothing.
   */
  watch(events: number): void;
  /** Watching keeps the event loop alive. Off at first. */
  ref(): void;
  unref(): void;
  /**
   * Releases the mechanism in such a way that the peer can still read all that was written. Where that takes more than
   * letting go (TCP drops delivered bytes when the closing side has unread ones), the promise settles when it is done.
   */
  close(): Promise<void> | undefined;
  /**
   * Blocks the thread until what was written before `close` is with the system, or the deadline has passed. Called only
   * after `close` and when `blocking`. Absent where what `tryWrite` takes is with the system at once.
   */
  waitWritten?(deadline: Deadline): void;
  /** Releases the mechanism at once. */
  abort(): void;
}
