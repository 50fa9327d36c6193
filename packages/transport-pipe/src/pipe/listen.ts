import { RpcError } from '@callgate/core/errors';
import { type Address, type Link, type Listener, openStreamLink } from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { takeEnds } from './ends.js';
import type { ResolvedPipeOptions } from './options.js';

const NEVER = Number.POSITIVE_INFINITY;

/** Waits, as long as it takes, for the one client that the other ends can bring. */
export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedPipeOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const stream = takeEnds(native, address);
  const closing = new AbortController();
  let waiting = true;
  const come = (link: Link): void => {
    waiting = false;
    onLink(link);
  };
  const failed = (error: unknown): void => {
    waiting = false;
    if (!closing.signal.aborted) onError(RpcError.from(error));
  };
  openStreamLink(stream, options, NEVER, closing.signal, false).then(come, failed);
  if (waiting) stream.ref();
  return {
    url: address.url,
    async close() {
      closing.abort();
    },
    ref: () => waiting && stream.ref(),
    unref: () => waiting && stream.unref(),
  };
}
