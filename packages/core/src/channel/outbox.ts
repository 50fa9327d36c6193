import type { Link } from '../transport/contract.js';

/** A message that found the link full and waits for its turn. */
export interface Deferred {
  /** Bytes of room it needs. */
  readonly bytes: number;
  /** Sends it now: false when the link is still full, true when it is sent or no longer wanted. Must not throw. */
  attempt(): boolean;
}

/** Messages waiting for room in a link, first in, first out. Drained in the background of the event loop. */
export class Outbox {
  readonly #link: Link;
  readonly #waiting: Deferred[] = [];
  #drained: Promise<void> | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(deferred: Deferred): void {
    // Whoever finds others waiting leaves the draining to them: that is under way.
    if (this.#waiting.push(deferred) === 1) this.#drained = this.#drain();
  }

  /** Resolves once nothing waits any more; undefined when nothing does. */
  get drained(): Promise<void> | undefined {
    return this.#waiting.length === 0 ? undefined : this.#drained;
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.attempt()) this.#waiting.shift();
      else await this.#link.whenWritable(next.bytes, Number.POSITIVE_INFINITY);
    }
    if (this.#link.end === undefined) this.#link.flush();
  }
}
