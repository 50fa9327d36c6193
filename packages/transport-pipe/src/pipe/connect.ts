import { Reason, RpcError } from '@callgate/core/errors';
import { type Address, type Deadline, type Link, openStreamLink, openStreamLinkSync } from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { takeEnds } from './ends.js';
import type { ResolvedPipeOptions } from './options.js';

/** Waits for the greeting of whoever has the other ends, which comes when that side uses them. */
export async function connect(
  native: NativeAddon,
  address: Address,
  options: ResolvedPipeOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  signal?.throwIfAborted();
  refuseLate(address, deadline);
  return openStreamLink(takeEnds(native, address), options, deadline, signal);
}

export function connectSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedPipeOptions,
  deadline: Deadline,
): Link {
  refuseLate(address, deadline);
  return openStreamLinkSync(takeEnds(native, address), options, deadline);
}

/** Before the ends are taken: they could not be given back. */
function refuseLate(address: Address, deadline: Deadline): void {
  if (performance.now() < deadline) return;
  throw new RpcError('DEADLINE_EXCEEDED', `cannot connect to ${address.url}: the deadline passed first`, {
    reason: Reason.DEADLINE,
    failed: 'channel',
  });
}
