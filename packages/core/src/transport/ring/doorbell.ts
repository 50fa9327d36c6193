import type { Deadline, Handle } from '../contract.js';

/** How handles travel where memory can't carry them, in the order of their messages. */
export interface HandlesBeside {
  /** Handles that can travel with one message. */
  readonly most: number;
  /** Sends those of one message, before that is published; they stay the caller's. False when full now; throws system errors. */
  send(handles: readonly Handle[]): boolean;
  /** Those of the next message that has some; undefined when they are not there or not so many. Throws system errors. */
  take(count: number): readonly Handle[] | undefined;
}

/**
 * How two ends of a segment wake each other and learn of each other's death. Each end has its own doorbell; `ring`
 * rings the peer's. A ring is never lost: it ends the wait that is under way or the next one.
 */
export interface Doorbell {
  /** Absent where no handles can travel. */
  readonly beside?: HandlesBeside;
  /** Wakes the peer if it waits. May be called in any state; never throws, never blocks. */
  ring(): void;
  /**
   * Asked between polls that find nothing: does this thread poll on the very processor that the peer last ran on? Then
   * it had better sleep: the peer can go on, and the kernel wakes this thread on another processor, if one is free.
   */
  inTheWay(): boolean;
  /** Takes this thread to another processor. False when there is none. */
  leave(): boolean;
  /** Blocks the thread until rung, hung up, or the deadline. May return early; the caller looks again. */
  wait(deadline: Deadline): void;
  /**
   * Where a thread can sleep at the doorbell without its event loop: blocks until rung, for a millisecond at most. Event loops
   * use it instead of polling where they can't poll: it gives the processor away meanwhile, to the peer if it is the same.
   */
  nap?(): void;
  /** From now on calls `onWake` from the event loop when rung or hung up; each ring calls at most once. */
  listen(onWake: () => void): void;
  /** True once the peer's side is gone, orderly or not. Never goes back. Looks without blocking when `look` is set. */
  hungUp(look: boolean): boolean;
  /** Whether listening keeps the event loop alive. */
  ref(): void;
  unref(): void;
  /** Hangs up and releases everything, the segment's memory too. Idempotent. */
  close(): void;
}
