import { type Capabilities, NOTIFICATION_BYTES } from '@callgate/core/transport';

export const signalCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['send'],
  // Of regular signals one waits at most; real-time signals queue.
  delivery: 'coalesced',
  maxMessageBytes: NOTIFICATION_BYTES,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: true,
  // A queued signal says of its sender what the sender wrote, and the kernel passes that on.
  credentials: false,
  damages: false,
  addressing: 'direct',
  greeting: 'none',
  confirms: true,
});
