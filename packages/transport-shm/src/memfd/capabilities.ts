import { type Capabilities, largestMessage, MAX_RING_BYTES, MOST_HANDLES } from '@callgate/core/transport';

export const shmCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: largestMessage(MAX_RING_BYTES),
  handlesPerMessage: MOST_HANDLES,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
});
