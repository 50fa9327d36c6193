import { type Capabilities, LARGEST_MESSAGE } from '@callgate/core/transport';

/**
 * What `fifo:` can do. Links both ways are direct: each client has a pair of its own. A link that only sends shares the
 * server's fifo with all who send, and says so in its `peer`. A fifo does not tell who has opened it: who may is said by its permissions.
 */
export const fifoCapabilities: Capabilities = Object.freeze<Capabilities>({
  directions: ['duplex', 'send'],
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
  confirms: true,
});
