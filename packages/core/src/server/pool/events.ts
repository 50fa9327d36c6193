import type { RpcError } from '../../errors/index.js';

/** What a pool tells of its workers. */
export interface PoolEvents {
  /** A worker has loaded its services and waits for calls. */
  readonly started: { readonly worker: number };
  /** A worker's thread has ended. `error`: why, when it was not to; its calls have failed with it. */
  readonly ended: { readonly worker: number; readonly error: RpcError | undefined };
  /** A worker that has calls has answered nothing for so long: a handler blocks it, or is stuck. Told once per delay. */
  readonly late: { readonly worker: number; readonly calls: number; readonly forMs: number };
}

export type PoolListener<E extends keyof PoolEvents> = (event: PoolEvents[E]) => void;

/** Those who listen to a pool. */
export class PoolListeners {
  readonly #listeners = new Map<string, Set<{ readonly listener: (event: never) => void }>>();

  /** Returns what takes the listener off again. */
  add<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): () => void {
    const all = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, all);
    const entry = { listener };
    all.add(entry);
    return () => void all.delete(entry);
  }

  /** One each: what one throws is the process's to hear of, and no reason for others not to hear theirs. */
  tell<E extends keyof PoolEvents>(event: E, told: PoolEvents[E]): void {
    for (const entry of this.#listeners.get(event) ?? []) {
      queueMicrotask(() => (entry.listener as PoolListener<E>)(told));
    }
  }
}
