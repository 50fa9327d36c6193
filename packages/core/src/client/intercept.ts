import { chain, deferStream, type InterceptedCall, interceptorError, Metadata, notifies } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Mode } from '../transport/contract.js';
import type { StubMethod } from './call-in-flight.js';
import { streamsReplies } from './call-streams.js';
import type { Target } from './connection/index.js';
import type { CallOptions, ResolvedClientOptions } from './options.js';

/** Makes a call: gives what a method of its kind gives in the client's mode. */
export type Invoke = (stub: StubMethod, request: unknown, options: CallOptions | undefined) => unknown;

/** What makes the calls of a client whose interceptors are around `invoke`. `target`: where they go, if that is anywhere yet. */
export function intercepted(
  mode: Mode,
  { interceptors, timeout }: ResolvedClientOptions,
  invoke: Invoke,
  target: () => Target | readonly Target[] = () => [],
): Invoke {
  if (interceptors.length === 0) return invoke;
  const begin: Invoke = (stub, request, options) => {
    const innermost = (inner: InterceptedCall): unknown => invoke(stub, inner.request, optionsOf(inner, options));
    const carries = ![target()].flat().some(({ transport }) => notifies(transport.capabilities));
    return chain(interceptors, innermost)(interceptedCall(mode, stub, request, options, timeout, carries));
  };
  return mode === 'async' ? awaited(begin) : blocking(begin);
}

function interceptedCall(
  mode: Mode,
  stub: StubMethod,
  request: unknown,
  options: CallOptions | undefined,
  timeout: ResolvedClientOptions['timeout'],
  carriesMetadata: boolean,
): InterceptedCall {
  const { service, method, path } = stub;
  return {
    side: 'client',
    mode,
    service,
    method,
    path,
    request,
    metadata: new Metadata(options?.metadata),
    timeout: options?.timeout ?? method.timeout ?? timeout,
    signal: options?.signal,
    carriesMetadata,
    onHeaders: options?.onHeaders,
    onTrailers: options?.onTrailers,
  };
}

function optionsOf(inner: InterceptedCall, options: CallOptions | undefined): CallOptions {
  const { metadata, timeout, signal, onHeaders, onTrailers } = inner;
  return { ...options, metadata: metadata.size > 0 ? metadata : undefined, timeout, signal, onHeaders, onTrailers };
}

/** What gives a stream gives it at once, and each reading passes the interceptors; what gives a promise always gives one. */
function awaited(begin: Invoke): Invoke {
  return (stub, request, options) => {
    const failure = (thrown: unknown): RpcError => interceptorError(stub.path, thrown);
    if (streamsReplies(stub)) return deferStream(() => begin(stub, request, options), failure);
    return (async () => {
      try {
        return given(stub, await begin(stub, request, options));
      } catch (thrown) {
        throw failure(thrown);
      }
    })();
  };
}

function blocking(begin: Invoke): Invoke {
  /** `due`: checks what the interceptors gave. */
  const now = <T>(
    due: (stub: StubMethod, result: unknown) => T,
    ...[stub, request, options]: Parameters<Invoke>
  ): T => {
    try {
      const result = begin(stub, request, options);
      if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') throw promised(stub, result);
      return due(stub, result);
    } catch (thrown) {
      throw interceptorError(stub.path, thrown);
    }
  };
  return (stub, request, options) => {
    if (!streamsReplies(stub)) return now(given, stub, request, options);
    return {
      *[Symbol.iterator]() {
        try {
          yield* now(iterable, stub, request, options);
        } catch (thrown) {
          throw interceptorError(stub.path, thrown);
        }
      },
    };
  };
}

/** What interceptors made of a call: who forgets to return what `next` gives would have callers wait for nothing. */
function given(stub: StubMethod, result: unknown): unknown {
  if (result !== undefined || stub.method.oneway) return result;
  throw new TypeError('it gave undefined where a reply is due; return what next(call) gives');
}

function iterable(_stub: StubMethod, result: unknown): Iterable<unknown> {
  if (typeof (result as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function')
    return result as Iterable<unknown>;
  const found = result === null ? 'null' : typeof result;
  throw new TypeError(`expected an iterable of replies, found ${found}; return what next(call) gives`);
}

function promised(stub: StubMethod, result: unknown): RpcError {
  // How it ends is of no interest any more, and must not end the process.
  Promise.resolve(result).catch(() => undefined);
  const words = `${stub.path}: an interceptor returned a promise, which a blocking client can't await`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
