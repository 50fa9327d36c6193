/** How links over datagrams end, in words. */
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import type { LinkEnd } from '@callgate/core/transport';

/** What a connected socket tells of datagrams that could not be delivered. Source: udp(7), icmp(7). */
const unreachable: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

export function isUnreachable(error: unknown): boolean {
  return unreachable.has((error as NodeJS.ErrnoException | null)?.code);
}

/** Where a link's client and its server differ. */
export type Side = 'client' | 'server';

/** The socket failed with `cause`: the peer has gone, as far as the network can tell, or the mechanism is at fault. */
export function failed(who: string, cause: unknown): LinkEnd {
  if (!isUnreachable(cause))
    return { by: 'fault', orderly: false, error: fromErrno(cause, `the link with ${who} failed`) };
  const code = (cause as NodeJS.ErrnoException).code;
  const words = `${who} is not there any more: the network says so (${code}). Whether calls under way were run is not known`;
  return { by: 'peer', orderly: false, error: unavailable(words, Reason.PEER_DIED, cause) };
}

/** The peer does not know the link. */
export function reset(who: string, side: Side): LinkEnd {
  const words =
    side === 'client'
      ? `${who} does not know this link any more: it has restarted, or has dropped it. Whether calls under way were run is not known; none is run again`
      : `${who} died or dropped the link`;
  return { by: 'peer', orderly: false, error: unavailable(words, Reason.PEER_DIED) };
}

/** Nothing was sent, or heard, for so long that the link is of no use any more. */
export function silent(who: string, side: Side, idleMs: number): LinkEnd {
  const words = side === 'client' ? 'nothing was sent for a while' : `nothing was heard of ${who} for ${idleMs} ms`;
  const reason = side === 'client' ? Reason.CLOSED : Reason.PEER_CLOSED;
  return { by: 'local', orderly: true, error: unavailable(`the link was given up: ${words}`, reason) };
}

function unavailable(words: string, reason: string, cause?: unknown): RpcError {
  return new RpcError('UNAVAILABLE', words, { reason, failed: 'channel', cause });
}
