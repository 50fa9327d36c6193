/**
 * Sharing the event loop. Work that is driven by memory instead of by the loop (polling a ring, handling messages as
 * they come) runs in microtasks, during which the loop's timers and descriptors wait. It must give the loop a turn
 * every so often, and counts from the last turn of the whole thread, however many links are busy.
 */

/** Longest run of microtasks, in ms, before others get their turn. */
export const LONGEST_RUN_MS = 1;

let pending: { readonly promise: Promise<void>; readonly immediate: NodeJS.Immediate } | undefined;
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
 * Resolves after the event loop has handled what is due. All who wait share one turn. Unless somebody is `alive`, waiting
 * for it does not keep the process running, and it may never resolve.
 */
export function turn(alive = true): Promise<void> {
  if (pending === undefined) {
    let resolve!: () => void;
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const immediate = setImmediate(() => {
      pending = undefined;
      turnedAt = performance.now();
      resolve();
    });
    if (!alive) immediate.unref();
    pending = { promise, immediate };
  } else if (alive) {
    pending.immediate.ref();
  }
  return pending.promise;
}

/** Who waits for a turn without being alive has become alive: the turn, if one is awaited, will come. */
export function holdTurn(): void {
  pending?.immediate.ref();
}
