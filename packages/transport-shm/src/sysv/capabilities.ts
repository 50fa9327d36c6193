import { type Capabilities, largestMessage, MAX_RING_BYTES } from '@callgate/core/transport';

export const sysvShmCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex'],
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
  confirms: false,
});
