import { availableParallelism } from 'node:os';
import type { PoolMeans } from '../../server/pool/index.js';
import type { Link } from '../../transport/index.js';
import { makeThreadMemory, openThreadLink } from '../../transport/index.js';

/** Who composes a kernel says how workers compose theirs. */
export interface WorkerProgram {
  /** A module that runs `runWorker`. */
  readonly program: URL;
  /** What it needs to know for that; cloned on its way. */
  readonly composition: unknown;
}

/** Of the ring between front and worker, each way. Messages of more than a quarter of it travel beside. */
const RING_BYTES = 1024 * 1024;

export function linkToWorker(memory: SharedArrayBuffer, end: 'maker' | 'taker'): Link {
  // Who waits for a worker, and a worker that waits, let others have the processor: there are more threads than those.
  const options = {
    ringBytes: RING_BYTES,
    maxMessageBytes: RING_BYTES / 2,
    strategy: 'park',
    address: 'inproc:pool',
  } as const;
  return openThreadLink(memory, { end, ...options });
}

export function poolMeans({ program, composition }: WorkerProgram): PoolMeans {
  return {
    program,
    composition,
    processors: availableParallelism(),
    makeMemory: () => makeThreadMemory(RING_BYTES),
    openFront: (memory) => linkToWorker(memory, 'maker'),
  };
}
