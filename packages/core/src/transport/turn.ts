/**
 * Sharing the event loop. Work that is driven by memory instead of by the loop (polling a ring, handling messages as
 * they come) runs in microtasks, during which the loop's timers and descriptors wait. It must give the loop a turn
 * every so often, and counts from the last turn of the whole thread, however many links are busy.
 */

/** Longest run of microtasks, in ms, before others get their turn. */
export const LONGEST_RUN_MS = 1;

const pending: Record<'alive' | 'idle', Promise<void> | undefined> = { alive: undefined, idle: undefined };
let turnedAt = 0;

/** True when the loop has not turned for a while, as far as those who ask here know. */
export function turnIsDue(nowMs: number): boolean {
  return nowMs - turnedAt > LONGEST_RUN_MS;
}

/** Starts counting from now, if nothing that asks here has run since the last turn: call on waking from the loop. */
export function noteTurn(nowMs: number): void {
  turnedAt = nowMs;
}

/**
 * Resolves after the event loop has handled what is due. All who wait share one turn. Unless `alive`, waiting for it
 * does not keep the process running, and it may never resolve.
 */
export function turn(alive = true): Promise<void> {
  const kind = alive ? 'alive' : 'idle';
  pending[kind] ??= new Promise((resolve) => {
    const immediate = setImmediate(() => {
      pending[kind] = undefined;
      turnedAt = performance.now();
      resolve();
    });
    if (!alive) immediate.unref();
  });
  return pending[kind];
}
