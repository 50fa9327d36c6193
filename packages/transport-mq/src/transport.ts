import type { Transport } from '@callgate/core/transport';
import { mqCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { listen } from './listen.js';
import { mqOptionProblems } from './options.js';
import { checkAddress } from './place.js';

/** `mq:` joins processes of one machine over a System V message queue that is a mailbox; see the README of this package. */
export const mqTransport: Transport = Object.freeze<Transport>({
  scheme: 'mq',
  capabilities: mqCapabilities,
  validateOptions: mqOptionProblems,
  checkAddress,
  connect,
  connectSync,
  listen,
});
