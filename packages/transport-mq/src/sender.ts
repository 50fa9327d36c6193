import type { Deadline } from '@callgate/core/transport';
import type { Outbox, Transmit } from './outbox.js';

/** A queue that is full says nothing when it is not any more: it is tried again after so many ms, and twice that up to the last. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 8;
export const FIRST_PAUSE_MS = 0.05;
const NEVER = Number.POSITIVE_INFINITY;
const pauseWord = new Int32Array(new SharedArrayBuffer(4));

export interface SenderHooks {
  /** See Outbox.send. Throws a system error. */
  readonly transmit: Transmit;
  /** The message goes into a box, not into the mailbox. */
  readonly boxed: () => boolean;
  /** A system error of sending. */
  readonly failed: (error: unknown) => void;
  /** Nothing needs to be sent any more. */
  readonly ended: () => boolean;
  /** The peer may have died without anybody being told. */
  readonly checkLife: () => void;
  /** All that had to wait has been sent. */
  readonly sent: () => void;
  /** While the link closes, it is told instead when to try again. */
  readonly closing: () => (() => void) | undefined;
}

/** Sends what is in an outbox: at once, or when the queue has room again. */
export class Sender {
  readonly #outbox: Outbox;
  readonly #hooks: SenderHooks;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #keepAlive = true;
  /** Something has been sent; for who receives, who sets it back. */
  justSent = false;

  constructor(outbox: Outbox, hooks: SenderHooks) {
    this.#outbox = outbox;
    this.#hooks = hooks;
  }

  /** Sends what is committed. False when not all of it found room: then it is tried again on the event loop. */
  push(): boolean {
    if (!this.#outbox.pending || this.#hooks.ended()) return true;
    try {
      if (this.trySend()) return true;
    } catch (error) {
      this.#outbox.drop();
      this.#hooks.failed(error);
      return true;
    }
    this.later(NEVER);
    return false;
  }

  /** As push, once. Throws a system error. */
  trySend(): boolean {
    if (!this.#outbox.send(this.#hooks.transmit, this.#hooks.boxed())) return false;
    this.justSent = true;
    return true;
  }

  /** Tries again on the event loop soon, in so many ms at most. */
  later(leftMs: number): void {
    if (this.#timer !== undefined || this.#hooks.ended()) return;
    this.#timer = setTimeout(() => this.#again(), Math.min(this.#retryMs, leftMs));
    if (!this.#keepAlive) this.#timer.unref();
  }

  /** Blocks for so many ms, or until the deadline; gives how long to pause next. */
  pause(ms: number, deadline: Deadline): number {
    const left = deadline - performance.now();
    Atomics.wait(pauseWord, 0, 0, Math.max(0, Math.min(ms, left)));
    this.#hooks.checkLife();
    return Math.min(ms * 2, LAST_RETRY_MS);
  }

  /** Whether the wait for room keeps the event loop alive. */
  keepAlive(alive: boolean): void {
    this.#keepAlive = alive;
    if (alive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** Tries no more by itself, until `later`. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #again(): void {
    this.#timer = undefined;
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    const closing = this.#hooks.closing();
    if (closing !== undefined) {
      closing();
      return;
    }
    const { begun } = this.#outbox;
    if (!this.push()) {
      if (this.#outbox.begun && !begun) this.#retryMs = FIRST_RETRY_MS;
      return;
    }
    this.#retryMs = FIRST_RETRY_MS;
    this.#hooks.sent();
  }
}
