import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/** What `tcp:` can do, with the native addon and without it. */
export function tcpCapabilities(native: boolean): Capabilities {
  return Object.freeze<Capabilities>({
    directions: ['duplex'],
    delivery: 'exact',
    maxMessageBytes: LARGEST_MESSAGE,
    handlesPerMessage: 0,
    blocking: native,
    loans: false,
    peerDeath: true,
    credentials: false,
    damages: false,
    addressing: 'direct',
    greeting: 'exchanged',
    confirms: false,
  });
}
