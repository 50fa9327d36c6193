import { type Address, type Link, RingLink, type Segment } from '@callgate/core/transport';
import { ShmDoorbell, type ShmDoorbellParts } from './doorbell.js';
import type { ResolvedShmOptions } from './options.js';

/** A link over mapped memory; it owns all the parts from now on. */
export function makeLink(
  segment: Segment,
  side: 'connector' | 'acceptor',
  parts: Omit<ShmDoorbellParts, 'segment' | 'side'>,
  address: Address,
  options: ResolvedShmOptions,
): Link {
  return new RingLink({
    segment,
    side,
    doorbell: new ShmDoorbell({ ...parts, segment, side }),
    peer: { address: address.url, credentials: parts.addon.peerCredentials(parts.socket) },
    maxMessageBytes: options.maxMessageBytes,
    strategy: options.strategy,
    processors: parts.addon.availableCpus(),
  });
}
