import type { Link } from '../transport/contract.js';

/** A message that found the link full and waits for its turn. */
export interface Deferred {
  /** Bytes of room it needs. */
  readonly bytes: number;
  /** It answers a call of the peer's. */
  readonly answer?: boolean;
  /** Sends it now: false when the link is still full, true when it is sent or no longer wanted. Must not throw. */
  attempt(): boolean;
}

/** What an outbox needs of a link. */
export type OutboxLink = Pick<Link, 'whenWritable' | 'flush' | 'end'>;

/** Messages waiting for room in a link, first in, first out. Drained in the background of the event loop. */
export class Outbox {
  readonly #link: OutboxLink;
  /** A set, so that taking one out costs the same however many wait. */
  readonly #waiting = new Set<Deferred>();
  #draining = false;
  #answers = 0;
  #answerBytes = 0;
  #drained: Promise<void> | undefined;

  constructor(link: OutboxLink) {
    this.#link = link;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Answers that wait. */
  get answers(): number {
    return this.#answers;
  }

  /** Bytes of room that they need. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  add(deferred: Deferred): void {
    this.#waiting.add(deferred);
    if (deferred.answer === true) this.#countAnswer(1, deferred.bytes);
    if (!this.#draining) this.#drained = this.#drain();
  }

  /** Forgets a message that is no longer wanted, and what it holds in memory, though the link may stay full for long. */
  remove(deferred: Deferred): void {
    if (this.#waiting.delete(deferred) && deferred.answer === true) this.#countAnswer(-1, -deferred.bytes);
  }

  /**
   * Sends as much of what waits as there is room for, for a thread that blocks: its event loop is not there to do it.
   * What waits goes before what is sent afterwards.
   */
  sendNow(): void {
    for (const next of this.#waiting) {
      if (!next.attempt()) return;
      this.remove(next);
    }
  }

  #countAnswer(count: number, bytes: number): void {
    this.#answers += count;
    this.#answerBytes += bytes;
  }

  /** Resolves once nothing waits any more; undefined when nothing does. */
  get drained(): Promise<void> | undefined {
    return this.#waiting.size === 0 ? undefined : this.#drained;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (const next of this.#waiting) {
      while (this.#waiting.has(next) && !next.attempt()) {
        await this.#link.whenWritable(next.bytes, Number.POSITIVE_INFINITY);
      }
      this.remove(next);
    }
    this.#draining = false;
    if (this.#link.end === undefined) this.#link.flush();
  }
}
