import { type DrainOptions, drainDeadline } from './drain.js';

/** What is drained, and in a hurry closed. */
interface Drainable {
  drain(options?: DrainOptions): Promise<void>;
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * The first of the signals drains, the next one ends the process: what still runs is stopped and its callers are told,
 * and the signal then does what it does by default. Returns what takes the listeners off again.
 */
export function drainOnSignals(
  server: Drainable,
  signals: readonly NodeJS.Signals[],
  options: DrainOptions | undefined,
): () => void {
  // What is wrong with them is said now, and not when it is too late.
  drainDeadline(options ?? {}, 0);
  let draining = false;
  const off = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (draining) {
      off();
      void server.close({ timeoutMs: 0 }).finally(() => process.kill(process.pid, signal));
      return;
    }
    draining = true;
    void server.drain(options).finally(off);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return off;
}
