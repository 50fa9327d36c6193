import { Reason, RpcError } from '@callgate/core/errors';
import { checkMeetingPath, filePlace, type Transport } from '@callgate/core/transport';
import { type AddonResult, tryLoadAddon } from '@callgate/native';
import { needAddon } from '../need-addon.js';
import { fifoCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { bind, listen } from './listen.js';
import { listenToReceive, openToSend, openToSendSync } from './one-way.js';
import { type FifoOptions, fifoOptionProblems, resolveFifoOptions } from './options.js';

/** The transport of `fifo:` addresses over what loading the native addon has brought. It does nothing without. */
export function createFifoTransport(loaded: AddonResult): Transport {
  return Object.freeze<Transport>({
    scheme: 'fifo',
    capabilities: fifoCapabilities,
    validateOptions: fifoOptionProblems,
    checkAddress: checkMeetingPath,
    meetingPlace: filePlace,
    async connect(address, options, deadline, signal) {
      const resolved = resolveFifoOptions(options as FifoOptions);
      const native = needAddon(loaded, 'fifo');
      if (options.direction !== 'send') return connect(native, address, resolved, deadline, signal);
      signal?.throwIfAborted();
      return openToSend(native, address, resolved, deadline);
    },
    connectSync(address, options, deadline) {
      const resolved = resolveFifoOptions(options as FifoOptions);
      const native = needAddon(loaded, 'fifo');
      if (options.direction !== 'send') return connectSync(native, address, resolved, deadline);
      return openToSendSync(native, address, resolved, deadline);
    },
    async listen(address, options, onLink, onError = () => undefined) {
      const resolved = resolveFifoOptions(options as FifoOptions);
      if (options.allow !== undefined) {
        throw new RpcError(
          'FAILED_PRECONDITION',
          "fifo: cannot check `allow`: the kernel does not tell who has opened a fifo (capability: credentials). Say who may by `mode` and by the directory's permissions, or use unix:, where the kernel names the peer",
          { reason: Reason.UNSUPPORTED, failed: 'channel' },
        );
      }
      const start = options.direction === 'receive' ? listenToReceive : listen;
      return start(needAddon(loaded, 'fifo'), address, resolved, onLink, onError);
    },
    async bind(address, options) {
      const resolved = resolveFifoOptions(options as FifoOptions);
      if (options.direction === 'receive') {
        const words =
          'fifo: with direction receive a fifo has one reader: messages lie in it end to end, and several would tear them apart';
        throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED, failed: 'channel' });
      }
      return bind(needAddon(loaded, 'fifo'), address, resolved);
    },
  });
}

/**
 * Calls over named pipes: `fifo:/run/geo.fifo`, `fifo:./geo.fifo`, `fifo:geo`. With direction `send` (who connects) and
 * `receive` (who listens) all share one fifo, and messages have at most 4084 bytes.
 */
export const fifoTransport: Transport = createFifoTransport(tryLoadAddon());
