/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One timer for many deadlines. Adding one costs a comparison as long as an earlier one is known; when the earliest
 * passes, `sweep` ends what has expired and says which is next. So calls that are answered in time never touch a timer.
 */
export class Deadlines {
  #next = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #sweep: (now: number) => number;

  /** `sweep(now)` ends everything whose deadline is at or before `now` and returns the earliest of the rest (or Infinity). */
  constructor(sweep: (now: number) => number) {
    this.#sweep = sweep;
  }

  /** `deadline` is an instant of performance.now(). */
  add(deadline: number): void {
    if (deadline < this.#next) this.#arm(deadline);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#next = Number.POSITIVE_INFINITY;
  }

  #arm(deadline: number): void {
    clearTimeout(this.#timer);
    this.#next = deadline;
    if (deadline === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(0, Math.ceil(deadline - performance.now())), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#arm(this.#sweep(performance.now())), delay);
    // What holds the process is the link of a call in flight, not its deadline.
    this.#timer.unref();
  }
}
