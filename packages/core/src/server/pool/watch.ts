import { RelayOp } from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { PoolListeners } from './events.js';
import type { ResolvedPoolKnobs } from './options.js';
import type { PoolWorker } from './pool-worker.js';

const SHORTEST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 1000;

/**
 * Finds workers that answer nothing. One that has calls and was silent since the last look is asked for a sign of life.
 * What counts are looks, not the clock: a front that was held up itself takes nobody for stuck. None when all wait.
 */
export class Watch {
  readonly #listeners: PoolListeners;
  #timer: NodeJS.Timeout | undefined;
  #everyMs = 0;

  constructor(listeners: PoolListeners) {
    this.#listeners = listeners;
  }

  /** To be called when a worker gets calls. */
  wake(workers: ReadonlySet<PoolWorker>, knobs: () => ResolvedPoolKnobs): void {
    if (this.#timer !== undefined) return;
    const { lateAfterMs, stuckAfterMs } = knobs();
    const soonest = Math.min(lateAfterMs, stuckAfterMs);
    this.#everyMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, soonest / 4));
    this.#timer = setInterval(() => this.#look(workers, knobs()), this.#everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(workers: ReadonlySet<PoolWorker>, knobs: ResolvedPoolKnobs): void {
    let busy = false;
    for (const worker of workers) {
      if (worker.state !== 'ready') continue;
      if (worker.running > 0) busy = true;
      this.#lookAt(worker, knobs);
    }
    if (!busy) this.stop();
  }

  #lookAt(worker: PoolWorker, { lateAfterMs, stuckAfterMs }: ResolvedPoolKnobs): void {
    if (worker.heard || worker.running === 0) {
      worker.heard = false;
      worker.silentLooks = -1;
      worker.late = false;
      return;
    }
    if (++worker.silentLooks === 0) {
      // A relay that is full asks as well: what is in it has not been read.
      worker.relay.tryTell(RelayOp.PING);
      return;
    }
    const forMs = Math.round(worker.silentLooks * this.#everyMs);
    if (forMs >= stuckAfterMs) {
      const words = `it was stuck: it answered nothing for ${forMs} ms (pool.stuckAfterMs)`;
      worker.kill(new RpcError('UNAVAILABLE', words, { reason: Reason.WORKER_DIED }));
    } else if (forMs >= lateAfterMs && !worker.late) {
      worker.late = true;
      this.#listeners.tell('late', { worker: worker.number, calls: worker.running, forMs });
    }
  }
}
