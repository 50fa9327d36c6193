/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A wait on the event loop for an instant of performance.now(), one at a time, which can be ended early. */
export class Pause {
  #timer: NodeJS.Timeout | undefined;
  #resume: (() => void) | undefined;
  #alive = true;

  until(instant: number): Promise<void> {
    const ms = instant - performance.now();
    if (!(ms > 0)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#timer = setTimeout(resolve, Math.min(Math.ceil(ms), LONGEST_TIMER_MS));
      if (!this.#alive) this.#timer.unref();
    });
  }

  /** Whether a wait keeps the event loop alive. On at first. */
  keepAlive(alive: boolean): void {
    this.#alive = alive;
    if (alive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#resume?.();
  }
}

const PLACE = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread until an instant of performance.now(), which is `now`. */
export function sleepUntil(instant: number, now: number): void {
  if (instant > now) Atomics.wait(PLACE, 0, 0, instant - now);
}
