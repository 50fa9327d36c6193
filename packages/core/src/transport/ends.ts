/** How links over byte streams end, in words. */

import { fromErrno, Reason, RpcError, type RpcErrorOptions } from '../errors/index.js';
import type { Handle, LinkEnd, Peer } from './contract.js';
import { checkAreHandles } from './handle.js';

/** `the peer at unix:/run/geo.sock (process 4711)` */
export function describePeer(peer: Peer): string {
  const process = peer.credentials === undefined ? '' : ` (process ${peer.credentials.pid})`;
  return `the peer at ${peer.address}${process}`;
}

/** The peer said that it ends, and, in `error`, why. */
export function peerClosed(who: string, error?: RpcError): LinkEnd {
  if (error !== undefined) return { by: 'peer', orderly: false, error };
  return { by: 'peer', orderly: true, error: unavailable(`${who} closed the link`, Reason.PEER_CLOSED) };
}

const gone: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ENOTCONN',
  // The other machine, or the way to it, has gone: nothing answers any more.
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** The stream ended without a word, or failed with the system error `cause`. `torn`: in the middle of a message. */
export function cutOff(who: string, torn: boolean, cause: unknown): LinkEnd {
  if (cause !== undefined && !gone.has((cause as NodeJS.ErrnoException | null)?.code)) {
    return { by: 'fault', orderly: false, error: fromErrno(cause, `the link with ${who} failed`) };
  }
  const where = torn ? ', in the middle of a message' : '';
  const error = unavailable(`${who} died or dropped the link${where}`, Reason.PEER_DIED, cause);
  return { by: 'peer', orderly: false, error };
}

/** The peer sent what the protocol forbids. */
export function violation(who: string, did: string): RpcError {
  const reason = Reason.PROTOCOL_VIOLATION;
  return new RpcError('DATA_LOSS', `${who} ${did}`, { reason, failed: 'channel' });
}

export function closedHere(): RpcError {
  return unavailable('the link was closed by this side', Reason.CLOSED);
}

export function abortedHere(): RpcError {
  return unavailable('the link was aborted by this side', Reason.CLOSED);
}

/** The caller broke the contract of links. */
export function misuse(message: string): RpcError {
  return new RpcError('FAILED_PRECONDITION', message);
}

/** `remedy`: what else would help. */
export function cannotBlock(who: string, remedy?: string): RpcError {
  const otherwise = remedy === undefined ? '' : `, or ${remedy}`;
  const message = `the link with ${who} cannot block a thread (capability: blocking); use the waits that give promises${otherwise}`;
  return new RpcError('FAILED_PRECONDITION', message, { reason: Reason.UNSUPPORTED });
}

/**
 * For `commit`: throws when handles are given that cannot travel. `most` is how many can with one message; 0 where there
 * is no way for them. Nothing is done to them.
 */
export function checkHandles(handles: readonly Handle[] | undefined, most: number, who: string): void {
  if (handles === undefined || handles.length === 0) return;
  if (most === 0) {
    const message = `no open file descriptors can travel over the link with ${who} (capability: handlesPerMessage)`;
    throw new RpcError('FAILED_PRECONDITION', message, { reason: Reason.UNSUPPORTED });
  }
  if (handles.length > most) {
    const message = `${handles.length} handles are more than can travel with one message: ${most} (capability: handlesPerMessage)`;
    throw new RpcError('INVALID_ARGUMENT', message);
  }
  checkAreHandles(handles);
  const closed = handles.findIndex((handle, i) => handle.value < 0 || handles.indexOf(handle) !== i);
  if (closed >= 0) {
    throw new RpcError('INVALID_ARGUMENT', `handles[${closed}] is closed, was given away before, or is given twice`);
  }
}

/** A blocking client was to connect to a server of its own thread. */
export function selfDeadlock(url: string): RpcError {
  const message = `${url} is served by this very thread: a blocking client would wait for itself. Serve it from a worker thread, or use an async client`;
  return new RpcError('FAILED_PRECONDITION', message, { reason: Reason.SELF_DEADLOCK, failed: 'channel' });
}

/** Something was to be sent over a link against its direction. */
export function cannotSend(who: string): RpcError {
  const message = `this end of the link with ${who} only receives (capability: directions)`;
  return new RpcError('FAILED_PRECONDITION', message, { reason: Reason.UNSUPPORTED });
}

export function tooLarge(bytes: number, limit: number): RpcError {
  const message = `a message of ${bytes} bytes is over this link's limit of ${limit} (maxMessageBytes)`;
  return new RpcError('RESOURCE_EXHAUSTED', message, { reason: Reason.MESSAGE_TOO_LARGE });
}

/** The peer sent more than this side accepts. */
export function overLimit(who: string, bytes: number, limit: number): RpcError {
  const message = `${who} sent a message of ${bytes} bytes; this side accepts at most ${limit} (maxMessageBytes)`;
  return new RpcError('RESOURCE_EXHAUSTED', message, { reason: Reason.MESSAGE_TOO_LARGE, failed: 'channel' });
}

function unavailable(message: string, reason: string, cause?: unknown): RpcError {
  const options: RpcErrorOptions = { reason, failed: 'channel', cause };
  return new RpcError('UNAVAILABLE', message, options);
}
