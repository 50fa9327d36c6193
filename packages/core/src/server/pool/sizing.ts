/**
 * When a pool starts workers, and when it lets one go. The rules are those of QNX's thread pools, and so are the names.
 * Source: QNX Neutrino, thread_pool_create() and thread_pool_attr_t.
 */

export interface PoolSize {
  /** Workers that wait for calls: with fewer, more are started. At least 1. */
  readonly loWater: number;
  /** Workers that may wait: one that is done while more do ends. */
  readonly hiWater: number;
  /** Workers that are started at a time. */
  readonly increment: number;
  /** Workers in all. */
  readonly maximum: number;
}

/** How many workers there are, each counted once. */
export interface PoolCensus {
  readonly starting: number;
  readonly waiting: number;
  readonly busy: number;
}

/** How many workers to start now. Those that start already count as if they waited: they soon will. */
export function workersToStart({ starting, waiting, busy }: PoolCensus, size: PoolSize): number {
  const all = starting + waiting + busy;
  const lacking = size.loWater - starting - waiting;
  if (lacking <= 0) return 0;
  const wanted = Math.ceil(lacking / size.increment) * size.increment;
  return Math.max(0, Math.min(wanted, size.maximum - all));
}

/** How many of those that wait are to end, of which one has just come to wait: more than may, or than there may be at all. */
export function workersToEnd({ starting, waiting, busy }: PoolCensus, size: PoolSize): number {
  const tooMany = starting + waiting + busy - size.maximum;
  return Math.max(0, Math.min(waiting, Math.max(waiting - size.hiWater, tooMany)));
}

/** Milliseconds before a worker is started in the place of one that ended by itself, so many of them one after the other. */
export function restartDelay(inARow: number): number {
  return inARow <= 1 ? 0 : Math.min(10_000, 50 * 2 ** (inARow - 2));
}
