import {
  type Address,
  describePeer,
  initialiseSegment,
  type Link,
  MAX_RING_BYTES,
  MIN_RING_BYTES,
  RingBlocks,
  RingLink,
  segmentBytes,
  segmentOver,
  segmentProblem,
  type TransportOptions,
} from '@callgate/core/transport';
import { MemfdBlocks } from './blocks.js';
import { ShmDoorbell } from './doorbell.js';
import type { MemoryKind, Parts } from './kind.js';
import { type ResolvedShmOptions, resolveShmOptions, type ShmOptions } from './options.js';

/** Two rings, one each way. */
export const rings: MemoryKind<ResolvedShmOptions> = {
  scheme: 'shm',
  resolve: (options: TransportOptions) => resolveShmOptions(options as ShmOptions),
  wayBytes: ({ ringBytes }) => ringBytes,
  wayProblem: (bytes) =>
    bytes < MIN_RING_BYTES || bytes > MAX_RING_BYTES || !Number.isInteger(Math.log2(bytes))
      ? `rings of ${bytes} bytes are impossible`
      : undefined,
  memoryBytes: segmentBytes,
  initialise: (memory, ringBytes) => initialiseSegment(segmentOver(memory, ringBytes)),
  memoryProblem: (memory, ringBytes) => segmentProblem(segmentOver(memory, ringBytes)),
  link,
};

function link(
  side: 'connector' | 'acceptor',
  ringBytes: number,
  parts: Parts,
  address: Address,
  options: ResolvedShmOptions,
): Link {
  const segment = segmentOver(parts.mapping.buffer, ringBytes);
  const peer = { address: address.url, credentials: parts.addon.peerCredentials(parts.socket) };
  const memory = new MemfdBlocks(parts.addon);
  return new RingLink({
    segment,
    side,
    doorbell: new ShmDoorbell({ ...parts, segment, side }),
    blocks: new RingBlocks(segment.words, side, memory, options.maxSharedBytes, describePeer(peer)),
    peer,
    maxMessageBytes: options.maxMessageBytes,
    strategy: options.strategy,
    processors: parts.addon.availableCpus(),
  });
}
