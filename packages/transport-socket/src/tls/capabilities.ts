import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/** What `tls:` can do. Links that were opened by awaiting, or accepted, can block where the option `blocking` says so. */
export const tlsCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: LARGEST_MESSAGE,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: true,
  credentials: false,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
});
