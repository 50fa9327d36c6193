import type { Capabilities } from '@callgate/core/transport';
import { LARGEST_MQ_MESSAGE } from './options.js';

export const mqCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex', 'send'],
  delivery: 'exact',
  maxMessageBytes: LARGEST_MQ_MESSAGE,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'mailbox',
  greeting: 'none',
  confirms: true,
});
