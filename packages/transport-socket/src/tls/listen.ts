import type { RpcError } from '@callgate/core/errors';
import { type Address, type ByteStream, createGatekeeper, type Link, type Listener } from '@callgate/core/transport';
import { markServed } from '../tcp/place.js';
import { openEntrance } from './entrance.js';
import type { ResolvedTlsOptions } from './options.js';
import { openEntranceThere } from './thread/host.js';

export async function listen(
  address: Address,
  options: ResolvedTlsOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  // Connections come only when the event loop has had a turn.
  const admit = (stream: ByteStream): void => gatekeeper.admit(stream);
  const entrance = await (options.blocking ? openEntranceThere : openEntrance)(address, options, admit, onError);
  const { url, place } = entrance;
  const unmark = markServed(place);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      unmark();
      gatekeeper.close();
      await entrance.close();
    },
    ref: () => entrance.ref(),
    unref: () => entrance.unref(),
  };
}
