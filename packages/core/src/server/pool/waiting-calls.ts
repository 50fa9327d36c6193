import { Deadlines } from '../../channel/index.js';
import type { PoolWorker } from './pool-worker.js';

/** A call that waits for a worker. */
export interface WaitingCall {
  /** Instant of `performance.now()`; Infinity where the caller minds how long it waits. */
  readonly deadline: number;
  /** A worker has a slot for it, which is the call's now. */
  start(worker: PoolWorker): void;
  /** Its deadline has passed. */
  expire(): void;
}

/** Calls that wait for a worker, first come, first served; and how long a call would wait, going by those before it. */
export class WaitingCalls {
  readonly #calls = new Set<WaitingCall>();
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));
  /** Milliseconds between two turns, as they have come lately while calls waited. */
  #betweenTurns = 0;
  #turnAt = 0;

  get length(): number {
    return this.#calls.size;
  }

  add(call: WaitingCall): void {
    if (this.#calls.size === 0) this.#turnAt = 0;
    this.#calls.add(call);
    if (call.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(call.deadline);
  }

  /** False when it did not wait any more. */
  remove(call: WaitingCall): boolean {
    return this.#calls.delete(call);
  }

  /** The first, which waits no longer; undefined when none does. Those whose time is over are told on the way. */
  shift(now: number): WaitingCall | undefined {
    for (const call of this.#calls) {
      this.#calls.delete(call);
      if (call.deadline <= now) {
        call.expire();
        continue;
      }
      this.#tick(now);
      return call;
    }
    return undefined;
  }

  /** Milliseconds until a call that came now would be done, behind so many that run, as far as is known. */
  expectedMs(running: number): number {
    return this.#calls.size === 0 ? 0 : (this.#calls.size + running) * this.#betweenTurns;
  }

  stop(): void {
    this.#deadlines.stop();
  }

  #tick(now: number): void {
    if (this.#turnAt !== 0) {
      const took = now - this.#turnAt;
      this.#betweenTurns = this.#betweenTurns === 0 ? took : 0.9 * this.#betweenTurns + 0.1 * took;
    }
    this.#turnAt = now;
  }

  #sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) {
      if (call.deadline > now) next = Math.min(next, call.deadline);
      else {
        this.#calls.delete(call);
        call.expire();
      }
    }
    return next;
  }
}
