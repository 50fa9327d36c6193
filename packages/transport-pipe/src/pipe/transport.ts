import { Reason, RpcError } from '@callgate/core/errors';
import type { Transport } from '@callgate/core/transport';
import { type AddonResult, tryLoadAddon } from '@callgate/native';
import { needAddon } from '../need-addon.js';
import { pipeCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { listen } from './listen.js';
import { type PipeOptions, pipeOptionProblems, resolvePipeOptions } from './options.js';
import { placeOf } from './place.js';

/** The transport of `pipe:` addresses over what loading the native addon has brought. It does nothing without. */
export function createPipeTransport(loaded: AddonResult): Transport {
  return Object.freeze<Transport>({
    scheme: 'pipe',
    capabilities: pipeCapabilities,
    validateOptions: pipeOptionProblems,
    checkAddress: (address) => void placeOf(address),
    meetingPlace: ({ url }) => `${url} of ${process.pid}`,
    async connect(address, options, deadline, signal) {
      const resolved = resolvePipeOptions(options as PipeOptions);
      return connect(needAddon(loaded, 'pipe'), address, resolved, deadline, signal);
    },
    connectSync(address, options, deadline) {
      return connectSync(needAddon(loaded, 'pipe'), address, resolvePipeOptions(options as PipeOptions), deadline);
    },
    async listen(address, options, onLink, onError = () => undefined) {
      const resolved = resolvePipeOptions(options as PipeOptions);
      if (options.allow !== undefined) {
        throw new RpcError(
          'FAILED_PRECONDITION',
          'pipe: cannot check `allow` (capability: credentials): who has the other ends is decided by who starts the child',
          { reason: Reason.UNSUPPORTED, failed: 'channel' },
        );
      }
      return listen(needAddon(loaded, 'pipe'), address, resolved, onLink, onError);
    },
  });
}

/** Calls over inherited pipes: `pipe:inherited`, `pipe:stdio`, `pipe:3,4`, and what `spawnWithPipes` gives. */
export const pipeTransport: Transport = createPipeTransport(tryLoadAddon());
