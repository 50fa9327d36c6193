import { Reason, RpcError } from '@callgate/core/errors';
import type { AddonResult, NativeAddon } from '@callgate/native';

/** The addon, or FAILED_PRECONDITION (ADDON_MISSING) with what is wrong with it. */
export function needAddon({ addon, error }: AddonResult, scheme: string): NativeAddon {
  if (addon !== undefined) return addon;
  const message = `${scheme}: needs the native addon. ${error.message}`;
  throw new RpcError('FAILED_PRECONDITION', message, { reason: Reason.ADDON_MISSING, failed: 'channel', cause: error });
}
