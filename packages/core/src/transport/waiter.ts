import type { Deadline } from './contract.js';

/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One place where somebody may wait on the event loop, used again and again: without a deadline and a signal, a wait
 * makes its promise and nothing else.
 */
export class Waiter {
  /** Called when a wait ends, whatever ends it. */
  readonly #onEnd: () => void;
  #resolve: ((result: boolean) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #deadline: Deadline = Number.POSITIVE_INFINITY;
  #signal: AbortSignal | undefined;
  /** Whether the timer keeps the event loop alive. */
  #alive = true;
  readonly #executor = (resolve: (result: boolean) => void, reject: (reason: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };
  readonly #onTimer = (): void => {
    if (performance.now() < this.#deadline) this.#arm();
    else this.settle(false);
  };
  readonly #onAbort = (): void => {
    const reject = this.#reject;
    const reason = this.#signal?.reason;
    this.#finish();
    reject?.(reason);
  };

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get waiting(): boolean {
    return this.#resolve !== undefined;
  }

  /** Nobody may be waiting here. The signal must not have fired yet. */
  start(deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const promise = new Promise<boolean>(this.#executor);
    this.#deadline = deadline;
    if (deadline !== Number.POSITIVE_INFINITY) this.#arm();
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
    return promise;
  }

  settle(result: boolean): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#finish();
    resolve(result);
  }

  keepAlive(alive: boolean): void {
    this.#alive = alive;
    if (alive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  #arm(): void {
    const left = Math.max(this.#deadline - performance.now(), 0);
    this.#timer = setTimeout(this.#onTimer, Math.min(Math.ceil(left), LONGEST_TIMER_MS));
    if (!this.#alive) this.#timer.unref();
  }

  #finish(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = undefined;
    this.#onEnd();
  }
}
