const FIRST_MS = 100;
const MOST_MS = 10_000;
/** Milliseconds that a process must have listened for its death to count as the first one. */
const STEADY_MS = 10_000;

/** How long to wait before a process that died is started again: longer each time, until one has lasted. */
export class Backoff {
  #deaths = 0;
  /** Since when one listens: an instant of performance.now(). */
  #since = Number.POSITIVE_INFINITY;

  /** A process listens. */
  began(now: number): void {
    this.#since = now;
  }

  /** A process died: milliseconds until the next is started. */
  next(now: number): number {
    if (now - this.#since >= STEADY_MS) this.#deaths = 0;
    this.#since = Number.POSITIVE_INFINITY;
    return Math.min(MOST_MS, FIRST_MS * 2 ** this.#deaths++);
  }
}
