import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/** What `fifo:` can do. A fifo does not tell who has opened it: who may is said by its permissions. */
export const fifoCapabilities: Capabilities = Object.freeze<Capabilities>({
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
