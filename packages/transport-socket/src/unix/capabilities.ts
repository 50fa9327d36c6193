import { type Capabilities, LARGEST_MESSAGE, MOST_HANDLES } from '@callgate/core/transport';

/** What `unix:` can do, with the native addon and without it. */
export function unixCapabilities(native: boolean): Capabilities {
  return Object.freeze<Capabilities>({
    directions: ['duplex'],
    delivery: 'exact',
    maxMessageBytes: LARGEST_MESSAGE,
    handlesPerMessage: native ? MOST_HANDLES : 0,
    blocking: native,
    loans: false,
    peerDeath: true,
    credentials: native,
    damages: false,
    addressing: 'direct',
    greeting: 'exchanged',
    confirms: false,
  });
}
