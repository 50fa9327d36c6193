import { Deadlines } from '../channel/index.js';
import { Code, type RpcError } from '../errors/index.js';
import type { Answers } from './answers.js';
import type { CallInProgress } from './call-in-progress.js';
import { expired } from './failures.js';
import type { Reservations } from './reservations.js';

/** The calls of one channel that wait, or whose handlers were not done at once; and when their time is up. */
export class PendingCalls {
  readonly #answers: Answers;
  readonly #reservations: Reservations;
  readonly #calls = new Map<number, CallInProgress>();
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));

  constructor(answers: Answers, reservations: Reservations) {
    this.#answers = answers;
    this.#reservations = reservations;
  }

  get size(): number {
    return this.#calls.size;
  }

  get(callId: number): CallInProgress | undefined {
    return this.#calls.get(callId);
  }

  add(call: CallInProgress): void {
    this.#calls.set(call.id, call);
    if (call.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(call.deadline);
  }

  /** Takes off a call that is known to be there. */
  delete(call: CallInProgress): void {
    this.#calls.delete(call.id);
  }

  /** Takes the call off; false when nobody wants its reply. */
  done(call: CallInProgress): boolean {
    if (!call.wanted) return false;
    this.#calls.delete(call.id);
    return true;
  }

  /** Has reservations looked at again by that instant of performance.now(). */
  mindReservation(until: number): void {
    this.#deadlines.add(until);
  }

  /** Tells every handler that still works to stop. */
  stopAll(reason: RpcError): void {
    for (const call of this.#calls.values()) {
      call.countEnd(Code.CANCELLED, false);
      call.stop(reason);
    }
    this.#calls.clear();
  }

  /** As stopAll, and the callers are told. */
  refuseAll(error: RpcError): void {
    for (const call of this.#calls.values()) this.#answers.fail(call, error);
    this.stopAll(error);
  }

  /** No time passes any more. */
  stopClock(): void {
    this.#deadlines.stop();
  }

  #sweep(now: number): number {
    let next = this.#reservations.sweep(now);
    for (const call of this.#calls.values()) {
      if (call.deadline > now) {
        next = Math.min(next, call.deadline);
        continue;
      }
      this.#calls.delete(call.id);
      const error = expired(call);
      this.#answers.fail(call, error);
      call.stop(error);
    }
    return next;
  }
}
