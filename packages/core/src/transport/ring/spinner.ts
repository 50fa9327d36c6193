/** How a thread waits for memory to change: `spin` polls, `park` sleeps at once, `adaptive` polls a learned while first. */
export type WaitStrategy = 'spin' | 'park' | 'adaptive';

export const WAIT_STRATEGIES: readonly WaitStrategy[] = ['adaptive', 'spin', 'park'];

/** Longest poll, in ms: as long as waking a sleeping peer takes on a bad day, so that a poll can outlast it. */
const LONGEST_MS = 0.25;
const SHORTEST_MS = 0.004;
/** Every so many sleeps, times may have changed: what was in vain is tried again. */
const EXPLORE_EVERY = 16;
/** Tries in a row to outlast the waking of a peer. */
const TRIES = 4;
/** Least and longest time, in ms, between two moves to another processor: where all are taken, moving leads nowhere. */
const SHORTEST_STAY_MS = 0.5;
const LONGEST_STAY_MS = 1000;
/** Naps in vain until the event loop sleeps at once again. */
const VAIN_NAPS = 3;

/**
 * Learns for how long to poll before sleeping. A poll that met its message lengthens the next one; one that did not
 * shortens it, unless the message came so soon after that a longer poll would have met it.
 *
 * Two peers that both sleep wake each other in turn, and each sees the other's waking as slowness that polling cannot
 * bridge. So a wait for a peer that had to be woken teaches nothing: a long poll then tries to be awake still when the
 * peer's answer comes, which finds out whether the pair need sleep at all.
 *
 * Source: A. Karlin et al., "Competitive randomized algorithms for non-uniform problems", 1990: polling as long as
 * sleeping costs is at most twice as dear as knowing the future.
 */
export class Spinner {
  readonly #fixed: number | undefined;
  #learnedMs = LONGEST_MS;
  #peerSlept = false;
  #vainTries = 0;
  #sleptAt = 0;
  #sleeps = 0;
  #vainNaps = 0;
  /** Waits in a row that were in the way of the peer. */
  #inTheWay = 0;
  #stayMs = SHORTEST_STAY_MS;
  #movedAt = Number.NEGATIVE_INFINITY;

  /**
   * A number is how long to poll, in ms, always: for mechanisms whose sleep teaches nothing. With one processor nobody can
   * answer while we poll, so only sleeping makes sense.
   */
  constructor(strategy: WaitStrategy | number, processors: number) {
    if (typeof strategy === 'number' && processors > 1) this.#fixed = strategy;
    else if (strategy === 'spin') this.#fixed = Number.POSITIVE_INFINITY;
    else if (strategy !== 'adaptive' || processors < 2) this.#fixed = 0;
  }

  /** Milliseconds to poll before sleeping; Infinity for `spin`. */
  get budgetMs(): number {
    if (this.#fixed !== undefined) return this.#fixed;
    return this.#peerSlept && this.#vainTries < TRIES ? LONGEST_MS : this.#learnedMs;
  }

  /** Whether how long a blocking wait took teaches anything. */
  get learns(): boolean {
    return this.#fixed === undefined;
  }

  /** Whether an event loop that does not poll should nap before it sleeps: when its last naps or sleeps were short. */
  get napPays(): boolean {
    return this.#fixed === 0 && this.#vainNaps < VAIN_NAPS;
  }

  napped(met: boolean): void {
    this.#vainNaps = met ? 0 : this.#vainNaps + 1;
  }

  /** The peer slept when a message was sent to it. */
  rang(): void {
    this.#peerSlept = true;
  }

  metWhilePolling(): void {
    this.#peerSlept = false;
    this.#vainTries = 0;
    this.#inTheWay = 0;
    if (this.#learnedMs < LONGEST_MS) this.#learnedMs = Math.min(LONGEST_MS, this.#learnedMs * 4);
  }

  /**
   * This thread polls on its peer's processor. Sleeping lets the peer go on; but when the two are woken onto one
   * processor again and again, it is better to leave it: true, ever more rarely while that does not help for long.
   */
  shouldLeave(nowMs: number): boolean {
    const stayed = nowMs - this.#movedAt;
    if (++this.#inTheWay < 2 || stayed < this.#stayMs) return false;
    this.#stayMs = stayed < 4 * this.#stayMs ? Math.min(LONGEST_STAY_MS, 4 * this.#stayMs) : SHORTEST_STAY_MS;
    this.#movedAt = nowMs;
    this.#inTheWay = 0;
    return true;
  }

  sleeps(nowMs: number): void {
    this.#sleptAt = nowMs;
    if (this.#peerSlept) this.#vainTries++;
    if (++this.#sleeps % EXPLORE_EVERY === 0) this.#vainTries = 0;
  }

  woke(nowMs: number): void {
    if (nowMs - this.#sleptAt < LONGEST_MS) this.#vainNaps = 0;
    if (this.#peerSlept) this.#peerSlept = false;
    else if (nowMs - this.#sleptAt < LONGEST_MS) this.#learnedMs = Math.min(LONGEST_MS, this.#learnedMs * 2);
    else this.#learnedMs = Math.max(SHORTEST_MS, this.#learnedMs / 2);
  }
}
