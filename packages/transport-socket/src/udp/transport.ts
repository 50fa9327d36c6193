import { Reason, RpcError } from '@callgate/core/errors';
import type { Transport } from '@callgate/core/transport';
import { type AddonResult, tryLoadAddon } from '@callgate/native';
import { udpCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { listen } from './listen.js';
import { listenWithoutAddon } from './node-listen.js';
import { resolveUdpOptions, type UdpOptions, udpOptionProblems } from './options.js';
import { meetingPlace, placeOf } from './place.js';

/**
 * The transport of `udp:` addresses over what loading the native addon has brought. Without the addon it works on
 * `node:dgram`, and links cannot block.
 */
export function createUdpTransport({ addon, error }: AddonResult): Transport {
  const cannot = (capability: string, what: string, cause?: Error): RpcError => {
    const why = cause === undefined ? '' : ` ${cause.message}`;
    return new RpcError('FAILED_PRECONDITION', `udp: cannot ${what} (capability: ${capability}).${why}`, {
      reason: Reason.UNSUPPORTED,
      failed: 'channel',
      cause,
    });
  };
  return Object.freeze<Transport>({
    scheme: 'udp',
    capabilities: udpCapabilities(addon !== undefined),
    validateOptions: udpOptionProblems,
    checkAddress: (address) => void placeOf(address),
    meetingPlace,
    async connect(address, options, deadline, signal) {
      return connect(addon, address, resolveUdpOptions(options as UdpOptions), deadline, signal);
    },
    connectSync(address, options, deadline) {
      const resolved = resolveUdpOptions(options as UdpOptions);
      if (addon === undefined) throw cannot('blocking', 'block a thread', error);
      return connectSync(addon, address, resolved, deadline);
    },
    async listen(address, options, onLink, onError = () => undefined) {
      const resolved = resolveUdpOptions(options as UdpOptions);
      if (options.allow !== undefined)
        throw cannot('credentials', "check `allow`: the kernel does not tell its peers' uid and gid");
      return addon === undefined
        ? listenWithoutAddon(address, resolved, onLink, onError)
        : listen(addon, address, resolved, onLink, onError);
    },
  });
}

/** Calls by datagrams: `udp://127.0.0.1:7000`, `udp:localhost:7000`, `udp:[::1]:7000`, `udp:7000`. */
export const udpTransport: Transport = createUdpTransport(tryLoadAddon());
