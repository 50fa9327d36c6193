import { checkMeetingPath, type Transport } from '@callgate/core/transport';
import { signalCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { listen } from './listen.js';
import { signalOptionProblems } from './options.js';

/** `signal:` notifies a process by signals; see the README of this package. */
export const signalTransport: Transport = Object.freeze<Transport>({
  scheme: 'signal',
  capabilities: signalCapabilities,
  validateOptions: signalOptionProblems,
  checkAddress: checkMeetingPath,
  connect,
  connectSync,
  listen: (address, options, onLink, _onError, notifications) => listen(address, options, onLink, notifications),
});
