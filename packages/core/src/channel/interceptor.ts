import type { MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import { type MetadataView, Reason, RpcError } from '../errors/index.js';
import type { Mode, Peer } from '../transport/contract.js';
import type { Metadata } from './metadata.js';
import { badOption } from './option-checks.js';
import type { Timeout } from './timeout.js';

/**
 * A call on its way through interceptors: the same shape at the caller's and the callee's side, for all kinds of methods
 * and both modes. To change what goes on, give `next` a changed copy; metadata is changed in place.
 */
export interface InterceptedCall {
  readonly side: 'client' | 'server';
  /** How the caller waits; handlers are always `async`. */
  readonly mode: Mode;
  readonly service: ServiceDefinition;
  readonly method: MethodDefinition;
  /** In words: `geo.Geo/LookUp`. */
  readonly path: string;
  /** The message; or, of a method whose requests stream, what gives them. */
  readonly request: unknown;
  /** Client: what goes with the request. Server: what came with it. */
  readonly metadata: Metadata;
  /** Client: as the call, the method or the client states it; undefined where none does. */
  readonly timeout: Timeout | undefined;
  /** Client: what the caller gave. Server: fires when the caller cancels, the deadline passes or the caller is gone. */
  readonly signal: AbortSignal | undefined;
  /** Client only: false where the mechanism has no room for metadata (`signal:`), and a call with any is refused. */
  readonly carriesMetadata?: boolean | undefined;
  /** Client only: see `CallOptions`. */
  readonly onHeaders?: ((headers: MetadataView) => void) | undefined;
  readonly onTrailers?: ((trailers: MetadataView) => void) | undefined;
  /** Server only: what the handler gets as its context. */
  readonly context?: InterceptedContext | undefined;
}

/** What an interceptor at a server may know of its call, and do, beyond the request; part of a handler's context. */
export interface InterceptedContext {
  readonly path: string;
  readonly peer: Peer;
  /** Instant of `performance.now()`; Infinity for never. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly metadata: MetadataView;
  readonly headers: Metadata;
  readonly trailers: Metadata;
  sendHeaders(): void;
}

/** Goes on with a call: to the next interceptor, or to the stub or handler. May be called never, once or again. */
export type NextInterceptor = (call: InterceptedCall) => unknown;

/**
 * Sees a call before and after what it wraps; the plainest is `(call, next) => next(call)`. Each call passes it once:
 * of a method whose replies stream, each reading of the stream is a call. `next` gives what the method gives in that
 * mode: on an async client a promise, or an `RpcStream`; on a blocking one a value, or an iterable; on a server what the
 * handler returns. Give back the like, or, but for a blocking client, a promise of it; `observeCall` helps. What it throws
 * fails the call: an RpcError as it is, anything else with INTERNAL (INTERCEPTOR_FAILED) on a client.
 */
export type Interceptor = (call: InterceptedCall, next: NextInterceptor) => unknown;

/** The interceptors around `innermost`, the first one outermost. */
export function chain(interceptors: readonly Interceptor[], innermost: NextInterceptor): NextInterceptor {
  return interceptors.reduceRight<NextInterceptor>(
    (next, interceptor) => (call) => interceptor(whole(call), next),
    (call) => innermost(whole(call)),
  );
}

/** What `next` is given. */
function whole(call: InterceptedCall): InterceptedCall {
  if (typeof call === 'object' && call !== null && call.method !== undefined && call.metadata !== undefined)
    return call;
  const found = typeof call === 'object' && call !== null ? 'an object that is none' : String(call);
  throw new TypeError(`next: expected the call, or a changed copy of it, found ${found}`);
}

/** Throws INVALID_ARGUMENT (BAD_OPTION) for what are no interceptors. */
export function interceptorsOf(value: unknown): readonly Interceptor[] {
  if (!Array.isArray(value)) throw badOption('interceptors', 'an array of functions', described(value));
  for (const [index, one] of value.entries())
    if (typeof one !== 'function')
      throw badOption(`interceptors[${index}]`, 'a function: (call, next) => next(call)', described(one));
  return Object.freeze([...value]);
}

function described(value: unknown): string {
  return typeof value === 'function'
    ? 'a function'
    : typeof value === 'object' && value !== null
      ? 'an object'
      : String(value);
}

/** What a client's call fails with when an interceptor threw. */
export function interceptorError(path: string, thrown: unknown): RpcError {
  if (RpcError.is(thrown)) return thrown;
  const { message } = RpcError.from(thrown);
  return new RpcError('INTERNAL', `${path}: an interceptor failed: ${message}`, {
    reason: Reason.INTERCEPTOR_FAILED,
    cause: thrown,
  });
}
