/** Why a call fails at the server, in the words that its caller sees. */
import { describeMethodId } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CallInProgress } from './call-in-progress.js';
import type { Routes } from './router.js';

export function handlerFailed(thrown: unknown): RpcError {
  // The message is for the caller; the stack is nobody's business but this process's.
  return RpcError.from(thrown, 'UNKNOWN', { reason: Reason.HANDLER_FAILED });
}

/** `offered`: methods go by the hashes of their paths, of which the caller knows no list. */
export function unknownMethod(id: number, offered?: Routes): RpcError {
  const words =
    offered === undefined
      ? `this server has no method with the id ${id}`
      : `this server has no method with the id ${describeMethodId(id)}; it offers ${listOf(offered)}`;
  return new RpcError('UNIMPLEMENTED', words, { reason: Reason.UNKNOWN_METHOD });
}

/** `geo.Geo (LookUp, Near), geo.Log (Write)` */
function listOf(routes: Routes): string {
  const services = new Map<string, string[]>();
  for (const { service, method } of routes) {
    services.set(service.typeName, [...(services.get(service.typeName) ?? []), method.name]);
  }
  return [...services].map(([name, methods]) => `${name} (${methods.join(', ')})`).join(', ') || 'no service';
}

/** A call that wants an answer came where none can be sent. */
export function unanswerable(path: string, from: string): RpcError {
  const words = `${path} was called by ${from} over a link on which this server only receives: it was not run, since it could not be answered`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

export function undecodable(call: CallInProgress, cause: unknown): RpcError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new RpcError('INVALID_ARGUMENT', `${call.path}: the request can't be decoded: ${detail}`, {
    reason: Reason.UNDECODABLE,
    cause,
  });
}

/** What came with the request is more than this side takes. */
export function unwelcome(call: CallInProgress, cause: RpcError): RpcError {
  return new RpcError(cause.code, `${call.path}: not begun: ${cause.message}`, { reason: cause.reason, cause });
}

export function badReply(call: CallInProgress, cause: unknown): RpcError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const tooLarge = RpcError.is(cause) && cause.reason === Reason.MESSAGE_TOO_LARGE;
  if (RpcError.is(cause) && (cause.reason === Reason.UNSUPPORTED || cause.reason === Reason.METADATA_TOO_LARGE)) {
    const words = `${call.path}: the handler's reply can't be sent: ${detail}`;
    return new RpcError(cause.code, words, { reason: cause.reason, cause });
  }
  return new RpcError(
    tooLarge ? 'RESOURCE_EXHAUSTED' : 'INTERNAL',
    `${call.path}: the handler's reply can't be sent: ${detail}`,
    {
      reason: tooLarge ? Reason.MESSAGE_TOO_LARGE : Reason.UNENCODABLE,
      cause,
    },
  );
}

/** A method that streams was called where there was no greeting. */
export function noStreamsHere(call: CallInProgress): RpcError {
  const words = `${call.path}: it is ${call.route.method.kind}, which needs an exchange of greetings (capability greeting), and there was none`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

/** A handler of a method that streams gave something else. */
export function notAStream(call: CallInProgress, found: unknown): RpcError {
  const what = found === null ? 'null' : typeof found;
  const words = `${call.path}: its handler is to give a stream (an iterable, an async iterable or an observable), and gave ${what}`;
  return new RpcError('INTERNAL', words, { reason: Reason.HANDLER_FAILED });
}

export function expired(call: CallInProgress): RpcError {
  return new RpcError('DEADLINE_EXCEEDED', `${call.path}: the deadline passed at the server`, {
    reason: Reason.DEADLINE,
  });
}

export function draining(call: CallInProgress): RpcError {
  return new RpcError('UNAVAILABLE', `${call.path}: the server is shutting down`, { reason: Reason.DRAINING });
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
