import { availableParallelism } from 'node:os';
import type { Link } from '../contract.js';
import { initialiseSegment, RingLink, segmentBytes, segmentOver, type WaitStrategy } from '../ring/index.js';
import { InprocDoorbell } from './doorbell.js';
import { ACCEPTOR, CONNECTOR } from './layout.js';

export interface ThreadLinkOptions {
  /** Which end: the thread that made the memory, or the one that was given it. */
  readonly end: 'maker' | 'taker';
  /** Bytes of each ring, as they were when the memory was made. */
  readonly ringBytes: number;
  readonly maxMessageBytes: number;
  readonly strategy: WaitStrategy;
  /** What the other end is called in errors. */
  readonly address: string;
}

/** Memory for a link between two threads that know each other, to be given to the other one (`workerData`). */
export function makeThreadMemory(ringBytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(segmentBytes(ringBytes));
  initialiseSegment(segmentOver(memory, ringBytes));
  return memory;
}

/**
 * One end of a link between two threads that know each other: without a meeting, and without a look at whether the other
 * still lives, since who starts a thread is told of its end. He aborts the link then.
 */
export function openThreadLink(memory: SharedArrayBuffer, options: ThreadLinkOptions): Link {
  const { end, ringBytes, maxMessageBytes, strategy, address } = options;
  const segment = segmentOver(memory, ringBytes);
  return new RingLink({
    segment,
    side: end === 'maker' ? 'connector' : 'acceptor',
    doorbell: new InprocDoorbell(segment, end === 'maker' ? CONNECTOR : ACCEPTOR),
    peer: { address },
    maxMessageBytes,
    strategy,
    processors: availableParallelism(),
  });
}
