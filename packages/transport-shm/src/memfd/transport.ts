import { checkSocketPath, filePlace, type Transport } from '@callgate/core/transport';
import { shmCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { rings } from './link.js';
import { bind, listen } from './listen.js';
import { shmOptionProblems } from './options.js';

/** `shm:` joins processes of one machine over rings in sealed memory that has no name; see the README of this package. */
export const shmTransport: Transport = Object.freeze<Transport>({
  scheme: 'shm',
  capabilities: shmCapabilities,
  validateOptions: shmOptionProblems,
  checkAddress: checkSocketPath,
  meetingPlace: filePlace,
  connect: (address, options, deadline, signal) => connect(rings, address, options, deadline, signal),
  connectSync: (address, options, deadline) => connectSync(rings, address, options, deadline),
  listen: (address, options, onLink, onError) => listen(rings, address, options, onLink, onError),
  bind: (address, options) => bind(rings, address, options),
});
