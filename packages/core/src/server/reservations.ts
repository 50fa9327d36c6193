import type { Admission } from './admission.js';

/**
 * Milliseconds that a slot is kept for a request whose caller was told that a handler is ready. The request follows at
 * once; a caller that was stopped in between must not keep the handler from others.
 */
export const RESERVATION_MS = 1000;

/** The slots that probes have reserved for calls of one channel. */
export class Reservations {
  readonly #admission: Admission;
  /** By call id: the instant at which the slot is given to others, in the order of those instants. */
  readonly #until = new Map<number, number>();

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  get size(): number {
    return this.#until.size;
  }

  /** Reserves a slot. Returns the instant until which it is kept; undefined when none is free, or the call has one. */
  tryReserve(callId: number, now: number): number | undefined {
    if (this.#until.has(callId) || !this.#admission.tryTake()) return undefined;
    this.#until.set(callId, now + RESERVATION_MS);
    return now + RESERVATION_MS;
  }

  /** The request has come: true when a slot is reserved for it, which is the request's from now on. */
  redeem(callId: number): boolean {
    return this.#until.delete(callId);
  }

  /** The request will not come. */
  release(callId: number): void {
    if (this.#until.delete(callId)) this.#admission.release();
  }

  releaseAll(): void {
    for (const callId of this.#until.keys()) this.release(callId);
  }

  /** Releases what was kept for long enough; returns the instant of the next, or Infinity. */
  sweep(now: number): number {
    for (const [callId, until] of this.#until) {
      if (until > now) return until;
      this.release(callId);
    }
    return Number.POSITIVE_INFINITY;
  }
}
