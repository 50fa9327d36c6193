import { checkSocketPath, filePlace, type Transport } from '@callgate/core/transport';
import { connect, connectSync } from '../memfd/connect.js';
import { bind, listen } from '../memfd/listen.js';
import { simpleShmCapabilities } from './capabilities.js';
import { slots } from './link.js';
import { simpleShmOptionProblems } from './options.js';

/** `shm+simple:` is the textbook's shared memory: one message each way at a time, and polling; see the README of this package. */
export const simpleShmTransport: Transport = Object.freeze<Transport>({
  scheme: 'shm+simple',
  capabilities: simpleShmCapabilities,
  validateOptions: simpleShmOptionProblems,
  checkAddress: checkSocketPath,
  meetingPlace: filePlace,
  connect: (address, options, deadline, signal) => connect(slots, address, options, deadline, signal),
  connectSync: (address, options, deadline) => connectSync(slots, address, options, deadline),
  listen: (address, options, onLink, onError) => listen(slots, address, options, onLink, onError),
  bind: (address, options) => bind(slots, address, options),
});
