/** How many calls a server runs at once, and how many more may wait for their turn. */
export class Admission {
  readonly #most: number;
  readonly #mostQueued: number;
  readonly #queue: (() => void)[] = [];
  /** Slots taken: by calls that run and by those that a probe has reserved. */
  #taken = 0;
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

  /** Runs `start` with a slot of its own, later; false when too many wait already. `withdraw(start)` takes it back. */
  tryQueue(start: () => void): boolean {
    if (this.#queue.length >= this.#mostQueued) return false;
    this.#queue.push(start);
    return true;
  }

  withdraw(start: () => void): void {
    const at = this.#queue.indexOf(start);
    if (at !== -1) this.#queue.splice(at, 1);
  }

  /** Gives a slot back: to the next in the queue, if any. */
  release(): void {
    const next = this.#queue.shift();
    if (next !== undefined) next();
    else this.#taken--;
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
