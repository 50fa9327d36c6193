import type { Deadline } from '../../transport/contract.js';
import type { Faults } from './faults.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Promises that wait for a condition, a deadline or a signal, whichever comes first. */
export class Waiters {
  readonly #faults: Faults;
  readonly #pokes = new Set<() => void>();
  /** Called when the number of waiters changes. */
  onCount: () => void = () => {};

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  get count(): number {
    return this.#pokes.size;
  }

  /** Something may have changed: every waiter looks at its condition. */
  poke(): void {
    for (const poke of [...this.#pokes]) poke();
  }

  when(ready: () => boolean, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const faults = this.#faults;
    if (signal?.aborted && !faults.has('ignores signals')) return Promise.reject(signal.reason);
    if (ready()) return Promise.resolve(true);
    if (faults.has('blocks the event loop')) return this.#spin(ready, deadline);
    if (deadline <= performance.now() && !faults.has('ignores deadlines')) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (settle: () => void) => {
        if (!faults.has('keeps its timers')) clearTimeout(timer);
        if (!faults.has('keeps its abort listeners')) signal?.removeEventListener('abort', onAbort);
        this.#pokes.delete(poke);
        this.onCount();
        settle();
      };
      const poke = () => {
        if (ready()) finish(() => resolve(true));
      };
      const onAbort = () => finish(() => reject(signal?.reason));
      const arm = () => {
        const left = Math.ceil(deadline - performance.now());
        const cut = left > LONGEST_TIMER_MS && faults.has('cuts long deadlines to 32 bits');
        if (left <= 0 || cut) finish(() => resolve(false));
        else timer = setTimeout(arm, Math.min(left, LONGEST_TIMER_MS));
      };
      const early = faults.has('gives up before the deadline') && deadline - performance.now() < 1000;
      if (early) setImmediate(() => finish(() => resolve(false)));
      else if (deadline !== Number.POSITIVE_INFINITY && !faults.has('ignores deadlines')) arm();
      if (!faults.has('ignores signals')) signal?.addEventListener('abort', onAbort);
      this.#pokes.add(poke);
      this.onCount();
    });
  }

  /** Microtasks only: nothing else gets a turn. */
  async #spin(ready: () => boolean, deadline: Deadline): Promise<boolean> {
    const until = Math.min(deadline, performance.now() + 500);
    while (performance.now() < until) {
      await undefined;
      if (ready()) return true;
    }
    return ready();
  }
}
