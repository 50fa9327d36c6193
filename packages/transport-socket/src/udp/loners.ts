/** So many single messages in a row count as the way in which they come. */
const HABIT = 16;

/**
 * Whether messages come one by one, as they do from callers that wait for each answer. Then looking for another right
 * after each is a system call for nothing. Every so often it is expected not to be so, to notice when they come in numbers.
 */
export class Loners {
  /** Messages since the event loop last said that something is there. */
  #since = 0;
  /** How often in a row that was one alone. */
  #row = 0;

  event(): void {
    this.#row = this.#since === 1 ? this.#row + 1 : 0;
    this.#since = 0;
  }

  came(): void {
    this.#since++;
  }

  /** One has come, and is likely to have been alone. */
  get expected(): boolean {
    return this.#since > 0 && this.#row >= HABIT && this.#row % HABIT !== 0;
  }
}
