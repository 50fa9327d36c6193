/** Why a call fails at the server, in the words that its caller sees. */
import { Reason, RpcError } from '../errors/index.js';
import type { CallInProgress } from './call-in-progress.js';

export function handlerFailed(thrown: unknown): RpcError {
  // The message is for the caller; the stack is nobody's business but this process's.
  return RpcError.from(thrown, 'UNKNOWN', { reason: Reason.HANDLER_FAILED });
}

export function unknownMethod(id: number): RpcError {
  return new RpcError('UNIMPLEMENTED', `this server has no method with the id ${id}`, {
    reason: Reason.UNKNOWN_METHOD,
  });
}

export function undecodable(call: CallInProgress, cause: unknown): RpcError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new RpcError('INVALID_ARGUMENT', `${call.path}: the request can't be decoded: ${detail}`, {
    reason: Reason.UNDECODABLE,
    cause,
  });
}

export function badReply(call: CallInProgress, cause: unknown): RpcError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const tooLarge = RpcError.is(cause) && cause.reason === Reason.MESSAGE_TOO_LARGE;
  return new RpcError(
    tooLarge ? 'RESOURCE_EXHAUSTED' : 'INTERNAL',
    `${call.path}: the handler's reply can't be sent: ${detail}`,
    {
      reason: tooLarge ? Reason.MESSAGE_TOO_LARGE : Reason.UNENCODABLE,
      cause,
    },
  );
}

export function expired(call: CallInProgress): RpcError {
  return new RpcError('DEADLINE_EXCEEDED', `${call.path}: the deadline passed at the server`, {
    reason: Reason.DEADLINE,
  });
}

export function draining(call: CallInProgress): RpcError {
  return new RpcError('UNAVAILABLE', `${call.path}: the server is shutting down`, { reason: Reason.OVERLOADED });
}

export function overloaded(call: CallInProgress): RpcError {
  return new RpcError(
    'RESOURCE_EXHAUSTED',
    `${call.path}: too many calls run and wait already (maxConcurrentCalls, maxQueuedCalls)`,
    {
      reason: Reason.OVERLOADED,
    },
  );
}

export function noHandlerReady(path: string): RpcError {
  return new RpcError('UNAVAILABLE', `${path}: not begun, since no handler is ready (timeout: 'immediate')`, {
    reason: Reason.NOT_READY,
  });
}
