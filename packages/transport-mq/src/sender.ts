import type { Deadline } from '@callgate/core/transport';
import type { MessageQueueHandle, MessageThread, NativeAddon } from '@callgate/native';
import type { Outbox, Transmit } from './outbox.js';

/** Where no thread can wait for room, a full queue is tried again after so many ms, and twice that up to the last. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 8;
export const FIRST_PAUSE_MS = 0.05;
/** How many links of this thread of JavaScript may have a thread wait for room at a time: each has a stack. */
const MOST_THREADS = 16;
const NEVER = Number.POSITIVE_INFINITY;
const pauseWord = new Int32Array(new SharedArrayBuffer(4));
let threads = 0;

export interface SenderHooks {
  /** Sends a part to wherever the message goes; false when there is no room. Throws a system error. */
  readonly transmit: Transmit;
  /** The one queue to which the message in the outbox goes; undefined when there are several, or none. */
  readonly queue: () => MessageQueueHandle | undefined;
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
  /** While the link closes: what to do instead when it is time to try again. */
  readonly closing: () => (() => void) | undefined;
}

/** Sends what is in an outbox: at once, or when the queue has room again, for which a thread waits in the kernel. */
export class Sender {
  readonly #native: NativeAddon;
  readonly #outbox: Outbox;
  readonly #hooks: SenderHooks;
  #thread: MessageThread | undefined;
  /** The thread has the next part, and waits for room. */
  #threadSends = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #keepAlive = true;
  /** Something had to wait, and nobody was told yet that it has been sent. */
  #waited = false;
  /** Something has been sent; for who receives, who sets it back. */
  justSent = false;
  readonly #transmit: Transmit = (type, bytes, start, end) => {
    if (this.#hooks.transmit(type, bytes, start, end)) return true;
    this.#letThreadSend(type, bytes, start, end);
    return false;
  };

  constructor(native: NativeAddon, outbox: Outbox, hooks: SenderHooks) {
    this.#native = native;
    this.#outbox = outbox;
    this.#hooks = hooks;
  }

  /** Sends what is committed. False when not all of it found room: the rest follows when there is some. */
  push(): boolean {
    if (!this.#outbox.pending || this.#hooks.ended()) return true;
    try {
      if (this.trySend()) {
        // Whoever waits for room would not be told of it: the thread has been asked already.
        if (this.#waited) this.later(0);
        return true;
      }
    } catch (error) {
      this.drop();
      this.#hooks.failed(error);
      return true;
    }
    this.#waited = true;
    if (!this.#threadSends) this.later(NEVER);
    return false;
  }

  /** As push, for who tries again himself. Throws a system error. */
  trySend(): boolean {
    if (this.#threadSends && !this.#threadHasSent()) return false;
    if (!this.#outbox.pending) return true;
    if (!this.#outbox.send(this.#transmit, this.#hooks.boxed())) return false;
    this.justSent = true;
    return true;
  }

  /** Tries again on the event loop soon, in so many ms at most. */
  later(leftMs: number): void {
    if (this.#timer !== undefined || this.#hooks.ended()) return;
    this.#timer = setTimeout(() => this.#again(), Math.min(this.#retryMs, leftMs));
    if (!this.#keepAlive) this.#timer.unref();
  }

  /** Blocks until there may be room, for so many ms at most, or until the deadline; gives how long to pause next. */
  pause(ms: number, deadline: Deadline): number {
    const left = Math.max(0, Math.min(ms, deadline - performance.now()));
    if (this.#threadSends) this.#thread!.wait(left);
    else Atomics.wait(pauseWord, 0, 0, left);
    this.#hooks.checkLife();
    return Math.min(ms * 2, LAST_RETRY_MS);
  }

  /** Whether the wait for room keeps the event loop alive. */
  keepAlive(alive: boolean): void {
    this.#keepAlive = alive;
    if (alive) this.#timer?.ref();
    else this.#timer?.unref();
    if (!this.#threadSends) return;
    if (alive) this.#thread!.ref();
    else this.#thread!.unref();
  }

  /** Tries no more by a timer, until `later`. */
  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retryMs = FIRST_RETRY_MS;
  }

  /** What is committed is not to be sent any more. */
  drop(): void {
    this.#outbox.drop();
    this.#closeThread();
  }

  /** Idempotent. */
  close(): void {
    this.stopTimer();
    this.#closeThread();
  }

  #letThreadSend(type: number, bytes: Buffer, start: number, end: number): void {
    const queue = this.#hooks.queue();
    if (queue === undefined || (this.#thread === undefined && threads >= MOST_THREADS)) return;
    if (this.#thread === undefined) {
      this.#thread = this.#native.createMessageThread(() => this.#again());
      threads++;
    }
    this.#thread.send(queue, type, bytes, start, end);
    this.#threadSends = true;
    if (this.#keepAlive) this.#thread.ref();
  }

  /** False while there is no room. Throws a system error. */
  #threadHasSent(): boolean {
    const thread = this.#thread!;
    if (thread.fetch(noBytes, 0, 0) < 0) return false;
    this.#threadSends = false;
    thread.unref();
    this.#outbox.sentOne();
    this.justSent = true;
    return true;
  }

  #closeThread(): void {
    if (this.#thread === undefined) return;
    // What is under way may have come through: that is as good as having sent it before.
    this.#thread.close();
    this.#thread = undefined;
    this.#threadSends = false;
    threads--;
  }

  /** There is room, or time to look whether there is. */
  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    if (this.#hooks.ended()) return;
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
    this.#waited = false;
    this.stopTimer();
    this.#hooks.sent();
  }
}

/** The result of sending has no bytes. */
const noBytes = Buffer.alloc(0);
