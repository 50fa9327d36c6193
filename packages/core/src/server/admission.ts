/** How many calls a server runs at once, and how many more may wait for their turn. */
export class Admission {
  readonly #most: number;
  readonly #mostQueued: number;
  readonly #queue: (() => void)[] = [];
  /** Slots taken: by calls that run and by those that a probe has reserved. */
  #taken = 0;
  #starting = false;
  #idle: (() => void)[] = [];

  constructor(maxConcurrentCalls: number, maxQueuedCalls: number) {
    this.#most = maxConcurrentCalls;
    this.#mostQueued = maxQueuedCalls;
  }

  /** Takes a slot if one is free at once. */
  tryTake(): boolean {
    if (this.#taken >= this.#most || this.#queue.length > 0) return false;
    this.#taken++;
    return true;
  }

  /** Runs `start`, which must not throw, with a slot of its own, later; false when too many wait already. `withdraw(start)` takes it back. */
  tryQueue(start: () => void): boolean {
    if (this.#queue.length >= this.#mostQueued) return false;
    this.#queue.push(start);
    return true;
  }

  withdraw(start: () => void): void {
    const at = this.#queue.indexOf(start);
    if (at !== -1) this.#queue.splice(at, 1);
  }

  /** Gives a slot back: to the next in the queue, if any. `_ordered`: of a call that others of its link wait for. */
  release(_ordered = false): void {
    this.#taken--;
    // A call that is done at once gives its slot back while it is being started: the loop below goes on with the next.
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (this.#taken < this.#most) {
        const next = this.#queue.shift();
        if (next === undefined) break;
        this.#taken++;
        next();
      }
    } finally {
      this.#starting = false;
    }
    if (this.#taken === 0 && this.#idle.length > 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  get running(): number {
    return this.#taken;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Resolves when nothing runs or waits. */
  whenIdle(): Promise<void> {
    return this.#taken === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
}
