/** How the sending end of a link ends, in words. */
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import type { LinkEnd } from '@callgate/core/transport';

export function died(who: string): LinkEnd {
  return { by: 'peer', orderly: false, error: gone(`${who} has ended`, Reason.PEER_DIED) };
}

export function stopped(who: string): LinkEnd {
  const words = `${who} no longer receives signals: it has stopped listening`;
  return { by: 'peer', orderly: true, error: gone(words, Reason.PEER_CLOSED) };
}

/** What `sendSignal` of the native addon threw, as the end that it is. */
export function sendFailure(who: string, cause: unknown): LinkEnd {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ESRCH') return died(who);
  if (code === 'EOWNERDEAD') return stopped(who);
  return { by: 'fault', orderly: false, error: fromErrno(cause, `cannot send a signal to ${who}`) };
}

function gone(words: string, reason: string): RpcError {
  return new RpcError('UNAVAILABLE', words, { reason, failed: 'channel' });
}
