/** How much the last call weighs in the mean: a change of the load is seen after a few dozen. */
const WEIGHT = 0.05;

/** How long a pool's calls take, learned from those that are done: slots that were taken over time, by calls that ended. */
export class Load {
  /** Slots that are taken. */
  running = 0;
  /** Milliseconds for which a call has its slot, in the mean; 0 until the first is done. */
  meanMs = 0;
  #at = 0;
  /** Slots times milliseconds since the last call was done. */
  #spent = 0;

  take(): void {
    this.#pass();
    this.running++;
  }

  /** Calls are done; `counts`: they tell how long one takes, as slots that were not used do not. */
  give(slots: number, counts: boolean): void {
    this.#pass();
    this.running -= slots;
    if (!counts) return;
    const each = this.#spent / slots;
    this.#spent = 0;
    this.meanMs = this.meanMs === 0 ? each : (1 - WEIGHT) * this.meanMs + WEIGHT * each;
    if (this.running === 0) this.#spent = 0;
  }

  /** Milliseconds until a call would be done that came behind so many that wait. */
  expectedMs(waiting: number): number {
    return this.running === 0 ? 0 : ((waiting + 1) / this.running + 1) * this.meanMs;
  }

  #pass(): void {
    const now = performance.now();
    this.#spent += this.running * (now - this.#at);
    this.#at = now;
  }
}
