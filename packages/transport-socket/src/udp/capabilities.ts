import type { Capabilities } from '@callgate/core/transport';
import { HEAD_BYTES } from './layout.js';

/** Bytes of the largest datagram: what the length field of IPv4 permits, less the headers of IPv4 and UDP. */
const LARGEST_DATAGRAM = 65_507;

/** What `udp:` can do, with the native addon and without it. */
export function udpCapabilities(native: boolean): Capabilities {
  return Object.freeze<Capabilities>({
    directions: ['duplex'],
    delivery: 'lossy',
    maxMessageBytes: LARGEST_DATAGRAM - HEAD_BYTES,
    handlesPerMessage: 0,
    blocking: native,
    loans: false,
    peerDeath: false,
    credentials: false,
    damages: false,
    addressing: 'direct',
    greeting: 'none',
    confirms: false,
  });
}
