import { Reason, RpcError } from '@callgate/core/errors';
import type { Transport } from '@callgate/core/transport';
import { type AddonResult, tryLoadAddon } from '@callgate/native';
import { tcpCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { bind, listen } from './listen.js';
import { listenWithoutAddon } from './node-listen.js';
import { resolveTcpOptions, type TcpOptions, tcpOptionProblems } from './options.js';
import { meetingPlace, placeOf } from './place.js';

/**
 * The transport of `tcp:` addresses over what loading the native addon has brought. Without the addon it works on
 * `node:net`: links cannot block, and peers that vanish are noticed later.
 */
export function createTcpTransport({ addon, error }: AddonResult): Transport {
  const cannot = (capability: string | undefined, what: string, cause?: Error): RpcError => {
    const why = cause === undefined ? '' : ` ${cause.message}`;
    return new RpcError(
      'FAILED_PRECONDITION',
      `tcp: cannot ${what}${capability === undefined ? '' : ` (capability: ${capability})`}.${why}`,
      {
        reason: Reason.UNSUPPORTED,
        failed: 'channel',
        cause,
      },
    );
  };
  return Object.freeze<Transport>({
    scheme: 'tcp',
    capabilities: tcpCapabilities(addon !== undefined),
    validateOptions: tcpOptionProblems,
    checkAddress: (address) => void placeOf(address),
    meetingPlace,
    async connect(address, options, deadline, signal) {
      return connect(addon, address, resolveTcpOptions(options as TcpOptions), deadline, signal);
    },
    connectSync(address, options, deadline) {
      const resolved = resolveTcpOptions(options as TcpOptions);
      if (addon === undefined) throw cannot('blocking', 'block a thread', error);
      return connectSync(addon, address, resolved, deadline);
    },
    async listen(address, options, onLink, onError = () => undefined) {
      const resolved = resolveTcpOptions(options as TcpOptions);
      if (options.allow !== undefined)
        throw cannot('credentials', "check `allow`: the kernel does not tell its peers' uid and gid");
      return addon === undefined
        ? listenWithoutAddon(address, resolved, onLink, onError)
        : listen(addon, address, resolved, onLink, onError);
    },
    async bind(address, options) {
      const resolved = resolveTcpOptions(options as TcpOptions);
      if (addon === undefined) throw cannot(undefined, 'share a socket between processes', error);
      return bind(addon, address, resolved);
    },
  });
}

/** Calls over TCP: `tcp://127.0.0.1:7000`, `tcp:localhost:7000`, `tcp:[::1]:7000`, `tcp:7000`. */
export const tcpTransport: Transport = createTcpTransport(tryLoadAddon());
