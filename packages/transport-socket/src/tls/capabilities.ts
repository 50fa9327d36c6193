import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/** What `tls:` can do. It lives on `node:tls`, and so on the event loop only. */
export const tlsCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: LARGEST_MESSAGE,
  handlesPerMessage: 0,
  blocking: false,
  loans: false,
  peerDeath: true,
  credentials: false,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
});
