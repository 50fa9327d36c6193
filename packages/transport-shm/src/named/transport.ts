import type { Capabilities, Transport } from '@callgate/core/transport';
import { selfDeadlock } from '@callgate/core/transport';
import { requireAddon } from '../addon.js';
import { isServedHere, listen } from './host.js';
import type { Mechanism } from './mechanism.js';
import { connect, connectSync } from './meeting.js';
import { type NamedShmOptions, namedOptionProblems, resolveNamedOptions } from './options.js';

/** A transport over memory that has a name or a key. `ringBytes`: of a ring, when nothing is said of sizes. */
export function namedTransport(mechanism: Mechanism, capabilities: Capabilities, ringBytes?: number): Transport {
  const { scheme } = mechanism;
  const resolve = (options: NamedShmOptions) => resolveNamedOptions(scheme, options, ringBytes);
  return Object.freeze<Transport>({
    scheme,
    capabilities,
    validateOptions: namedOptionProblems,
    checkAddress: ({ path, url }) => void mechanism.placeName(path, url),
    meetingPlace: ({ path, url }) => `${scheme}:${mechanism.placeName(path, url)}`,
    connect: async (address, options, deadline, signal) =>
      connect(mechanism, requireAddon(scheme), address, resolve(options), deadline, signal),
    connectSync: (address, options, deadline) => {
      const resolved = resolve(options);
      if (isServedHere(scheme, mechanism.placeName(address.path, address.url))) throw selfDeadlock(address.url);
      return connectSync(mechanism, requireAddon(scheme), address, resolved, deadline);
    },
    listen: async (address, options, onLink, onError) =>
      listen(mechanism, requireAddon(scheme), address, resolve(options), onLink, onError),
  });
}
