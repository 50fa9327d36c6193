import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/**
 * What `pipe:` can do. A pipe does not tell who has its other end; only who has started a child knows it, and says so in
 * the link's `peer`.
 */
export const pipeCapabilities: Capabilities = Object.freeze<Capabilities>({
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
