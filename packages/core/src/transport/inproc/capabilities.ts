import type { Capabilities } from '../contract.js';
import { largestMessage, MAX_RING_BYTES } from '../ring/index.js';

export const inprocCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex', 'send', 'receive'],
  delivery: 'exact',
  maxMessageBytes: largestMessage(MAX_RING_BYTES),
  handlesPerMessage: 0,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: true,
});
