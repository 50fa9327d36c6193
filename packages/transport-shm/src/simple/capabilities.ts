import type { Capabilities } from '@callgate/core/transport';
import { MESSAGE_BYTES } from './layout.js';

export const simpleShmCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: MESSAGE_BYTES,
  handlesPerMessage: 0,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'none',
  confirms: false,
});
