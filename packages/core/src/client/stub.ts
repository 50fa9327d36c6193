import { methodPath, resolveTimeout } from '../channel/index.js';
import type { MessageInit, MethodDefinition, MethodMap, ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { LinkEnd, Peer } from '../transport/contract.js';
import type { StubMethod } from './call-in-flight.js';
import type { CallsInFlight, ClientStats } from './calls-in-flight.js';
import type { Connection } from './connection.js';
import type { CallOptions, ResolvedClientOptions } from './options.js';

/** What is behind a stub, for those who need to know. */
export interface ClientChannel {
  /** Who serves the calls; undefined while not connected. */
  readonly peer: Peer | undefined;
  /** How the connection was last lost; undefined while connected, and before the first call. */
  readonly lastEnd: LinkEnd | undefined;
  readonly stats: ClientStats;
}

type Request<M> = M extends MethodDefinition<infer R, infer _> ? MessageInit<R> : never;
type Response<M> = M extends MethodDefinition<infer _, infer R> ? R : never;

/** The methods that can be called: those that stream can't, yet. */
type Callable<M extends MethodMap> = { [K in keyof M as 'unary' extends M[K]['kind'] ? K : never]: M[K] };

/** A stub whose methods give promises. Methods of the service never begin with `$`. */
export type Client<S extends ServiceDefinition> = {
  readonly [K in keyof Callable<S['methods']>]: (
    request: Request<S['methods'][K]>,
    options?: CallOptions,
  ) => Promise<Response<S['methods'][K]>>;
} & {
  readonly $channel: ClientChannel;
  /** Fails what is in flight with CANCELLED, closes the channel. Idempotent. */
  $close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A stub whose methods block the thread and return the reply. */
export type SyncClient<S extends ServiceDefinition> = {
  readonly [K in keyof Callable<S['methods']>]: (
    request: Request<S['methods'][K]>,
    options?: CallOptions,
  ) => Response<S['methods'][K]>;
} & {
  readonly $channel: ClientChannel;
  /** Closes the channel, blocking for as long as that takes. Idempotent. */
  $close(): void;
  [Symbol.dispose](): void;
};

export function clientChannel(connection: Connection, calls: CallsInFlight): ClientChannel {
  return {
    get peer() {
      return connection.peer;
    },
    get lastEnd() {
      return connection.lastEnd;
    },
    get stats() {
      return calls.stats;
    },
  };
}

/** The methods of a service, made ready for calling. */
export function stubMethods(service: ServiceDefinition, options: ResolvedClientOptions): readonly StubMethod[] {
  return Object.values(service.methods).map((method, index) => ({
    service,
    method,
    path: methodPath(service, method),
    index,
    phases: resolveTimeout(method.timeout, resolveTimeout(options.timeout)),
  }));
}

/** Makes a stub's methods; `invoke` does the calling. */
export function stubObject(
  methods: readonly StubMethod[],
  invoke: (stub: StubMethod, request: unknown, options: CallOptions | undefined) => unknown,
): Record<string, unknown> {
  const stub: Record<string, unknown> = {};
  for (const method of methods) {
    const usable = method.method.kind === 'unary' ? invoke : refuseStreaming;
    // defineProperty, so that a method may be called `constructor` or `then` without surprises in the prototype.
    Object.defineProperty(stub, method.method.localName, {
      value: (request: unknown, options?: CallOptions) => usable(method, request, options),
      enumerable: true,
    });
  }
  return stub;
}

function refuseStreaming(stub: StubMethod): never {
  throw new RpcError('UNIMPLEMENTED', `${stub.path}: ${stub.method.kind} methods can't be called yet`, {
    reason: Reason.UNSUPPORTED,
  });
}
