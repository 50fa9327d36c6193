import type { ResolvedLossyOptions } from '../../transport/lossy-options.js';

/** RFC 6298, section 2: how much of a new time goes into the smoothed one, and into how much times vary. */
const SMOOTHING = 1 / 8;
const VARIATION = 1 / 4;
const VARIATIONS = 4;
/** Milliseconds by which a timer of an event loop is late anyway: G of RFC 6298. */
const GRANULARITY_MS = 1;

/**
 * For how long to wait for the first word of one method's callee before asking again: learned from how long it took so far,
 * by RFC 6298. Of each method by itself, since an answer takes as long as its handler does: Sun RPC had timers for
 * classes of procedures for the same reason (Nowicki, "Transport issues in the Network File System", 1989).
 */
export class RoundTrip {
  readonly #leastMs: number;
  readonly #mostMs: number;
  /** SRTT and RTTVAR; -1 before anything was measured. */
  #smoothedMs = -1;
  #variationMs = 0;
  #waitMs: number;

  constructor({ resendMs, resendLeastMs, resendMostMs }: ResolvedLossyOptions) {
    this.#leastMs = resendLeastMs;
    this.#mostMs = resendMostMs;
    this.#waitMs = resendMs;
  }

  /** Milliseconds until what is sent now is to be sent again: RTO. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /**
   * Something that was sent once was heard of after `ms`. Of what was sent more than once nobody can tell which time was
   * heard: that is no measurement (Karn and Partridge, "Improving round-trip time estimates", 1987).
   */
  measured(ms: number): void {
    if (this.#smoothedMs < 0) {
      this.#smoothedMs = ms;
      this.#variationMs = ms / 2;
    } else {
      this.#variationMs += VARIATION * (Math.abs(this.#smoothedMs - ms) - this.#variationMs);
      this.#smoothedMs += SMOOTHING * (ms - this.#smoothedMs);
    }
    this.#wait(this.#smoothedMs + Math.max(GRANULARITY_MS, VARIATIONS * this.#variationMs));
  }

  /**
   * Something had to be sent again before it was heard of, and would have been again after `waitMs`: what is sent next
   * waits as long, until something is measured. Otherwise who waits too little would never measure anything.
   */
  backedOff(waitMs: number): void {
    this.#wait(Math.max(waitMs, this.#waitMs));
  }

  #wait(ms: number): void {
    this.#waitMs = Math.min(Math.max(ms, this.#leastMs), this.#mostMs);
  }
}

/** One for each method that is called over a link. */
export class RoundTrips {
  readonly #options: ResolvedLossyOptions;
  readonly #byMethod = new Map<number, RoundTrip>();
  #last: RoundTrip | undefined;
  #lastId = -1;

  constructor(options: ResolvedLossyOptions) {
    this.#options = options;
  }

  of(methodId: number): RoundTrip {
    if (this.#last !== undefined && this.#lastId === methodId) return this.#last;
    let trip = this.#byMethod.get(methodId);
    if (trip === undefined) {
      trip = new RoundTrip(this.#options);
      this.#byMethod.set(methodId, trip);
    }
    this.#lastId = methodId;
    this.#last = trip;
    return trip;
  }
}
