/** How a thread waits for memory to change: `spin` polls, `park` sleeps at once, `adaptive` polls a learned while first. */
export type WaitStrategy = 'spin' | 'park' | 'adaptive';

export const WAIT_STRATEGIES: readonly WaitStrategy[] = ['adaptive', 'spin', 'park'];

/**
 * Longest poll, in ms. Two peers that both sleep answer each other in 100 to 150 us, nearly all of it waking up: a poll
 * must outlast that for the pair to find out that it need not sleep at all.
 */
const LONGEST_MS = 0.2;
const SHORTEST_MS = 0.004;
/** Every so many sleeps the next poll is a long one, to notice that times have changed. */
const EXPLORE_EVERY = 16;

/**
 * Learns for how long to poll before sleeping. A poll that met its message lengthens the next one; one that did not
 * shortens it, unless the message came so soon after that a longer poll would have met it.
 *
 * Source: A. Karlin et al., "Competitive randomized algorithms for non-uniform problems", 1990: polling as long as
 * sleeping costs is at most twice as dear as knowing the future.
 */
export class Spinner {
  readonly #fixed: number | undefined;
  #budgetMs = LONGEST_MS;
  #sleptAt = 0;
  #sleeps = 0;

  /** With one processor nobody can answer while we poll, so only sleeping makes sense. */
  constructor(strategy: WaitStrategy, processors: number) {
    if (strategy === 'spin') this.#fixed = Number.POSITIVE_INFINITY;
    else if (strategy === 'park' || processors < 2) this.#fixed = 0;
  }

  /** Milliseconds to poll before sleeping; Infinity for `spin`. */
  get budgetMs(): number {
    return this.#fixed ?? this.#budgetMs;
  }

  metWhilePolling(): void {
    if (this.#budgetMs < LONGEST_MS) this.#budgetMs = Math.min(LONGEST_MS, this.#budgetMs * 4);
  }

  sleeps(nowMs: number): void {
    this.#sleptAt = nowMs;
    this.#sleeps++;
  }

  woke(nowMs: number): void {
    if (nowMs - this.#sleptAt < LONGEST_MS) this.#budgetMs = Math.min(LONGEST_MS, this.#budgetMs * 2);
    else if (this.#sleeps % EXPLORE_EVERY === 0) this.#budgetMs = LONGEST_MS;
    else this.#budgetMs = Math.max(SHORTEST_MS, this.#budgetMs / 2);
  }
}
