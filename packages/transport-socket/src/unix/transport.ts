import { Reason, RpcError } from '@callgate/core/errors';
import { checkSocketPath, filePlace, type Transport } from '@callgate/core/transport';
import { type AddonResult, tryLoadAddon } from '@callgate/native';
import { unixCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { bind, listen } from './listen.js';
import { listenWithoutAddon } from './node-listen.js';
import { resolveUnixOptions, type UnixOptions, unixOptionProblems } from './options.js';

/**
 * The transport of `unix:` addresses over what loading the native addon has brought. Without the addon it works on
 * `node:net`: links cannot block and peers have no credentials.
 */
export function createUnixTransport({ addon, error }: AddonResult): Transport {
  const capabilities = unixCapabilities(addon !== undefined);
  const missing = (capability: string | undefined, what: string): RpcError =>
    new RpcError(
      'FAILED_PRECONDITION',
      `unix: cannot ${what}${capability === undefined ? '' : ` (capability: ${capability})`}. ${error?.message}`,
      {
        reason: Reason.UNSUPPORTED,
        failed: 'channel',
        cause: error,
      },
    );
  return Object.freeze<Transport>({
    scheme: 'unix',
    capabilities,
    validateOptions: unixOptionProblems,
    checkAddress: checkSocketPath,
    meetingPlace: filePlace,
    async connect(address, options, deadline, signal) {
      return connect(addon, address, resolveUnixOptions(options as UnixOptions), deadline, signal);
    },
    connectSync(address, options, deadline) {
      const resolved = resolveUnixOptions(options as UnixOptions);
      if (addon === undefined) throw missing('blocking', 'block a thread');
      return connectSync(addon, address, resolved, deadline);
    },
    async listen(address, options, onLink, onError = () => undefined) {
      const resolved = resolveUnixOptions(options as UnixOptions);
      if (addon !== undefined) return listen(addon, address, resolved, onLink, onError);
      if (resolved.allow !== undefined)
        throw missing('credentials', "check `allow`: it cannot tell its peers' uid and gid");
      return listenWithoutAddon(address, resolved, onLink, onError);
    },
    async bind(address, options) {
      const resolved = resolveUnixOptions(options as UnixOptions);
      if (addon === undefined) throw missing(undefined, 'share a socket between processes');
      return bind(addon, address, resolved);
    },
  });
}

/** Calls over Unix stream sockets: `unix:/run/geo.sock`, `unix:./geo.sock`, `unix:geo`. */
export const unixTransport: Transport = createUnixTransport(tryLoadAddon());
