import { Reason, RpcError } from '@callgate/core/errors';
import { type NativeAddon, tryLoadAddon } from '@callgate/native';

/** The addon, without which there are no message queues. Throws FAILED_PRECONDITION (ADDON_MISSING). */
export function requireAddon(): NativeAddon {
  const { addon, error } = tryLoadAddon();
  if (addon !== undefined) return addon;
  throw new RpcError('FAILED_PRECONDITION', `mq: needs the native addon. ${error.message}`, {
    reason: Reason.ADDON_MISSING,
    failed: 'channel',
    cause: error,
  });
}
