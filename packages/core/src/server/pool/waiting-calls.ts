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

/** Calls that wait for a worker, first come, first served. */
export class WaitingCalls {
  readonly #calls = new Set<WaitingCall>();
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));

  get length(): number {
    return this.#calls.size;
  }

  add(call: WaitingCall): void {
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
      return call;
    }
    return undefined;
  }

  stop(): void {
    this.#deadlines.stop();
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
