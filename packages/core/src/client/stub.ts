import {
  type ChannelEnd,
  methodPath,
  type PeerDeathListener,
  type RpcStream,
  resolveTimeout,
  type StreamSource,
} from '../channel/index.js';
import {
  hasHandleFields,
  type MessageInit,
  type MethodDefinition,
  type MethodKind,
  type MethodMap,
  type ServiceDefinition,
} from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Direction, LinkEnd, Peer } from '../transport/contract.js';
import type { StubMethod } from './call-in-flight.js';
import type { CallsInFlight, ClientStats } from './calls-in-flight.js';
import type { AddressStats, ConnectivityState, StateListener, Way } from './connection/index.js';
import type { CallOptions, ClientDirection, ResolvedClientOptions } from './options.js';

/** What is behind a stub, for those who need to know. */
export interface ClientChannel {
  /** Which way it goes, as this side sees it. */
  readonly direction: Direction;
  /** Who serves the calls; undefined while not connected. */
  readonly peer: Peer | undefined;
  /** How the connection was last lost; undefined while connected, and before the first call. */
  readonly lastEnd: LinkEnd | undefined;
  /**
   * How the connection stands. A blocking client's thread hears of a loss only by its next call: until then it is `ready`.
   */
  readonly state: ConnectivityState;
  /**
   * Calls `listener` with each new state, at once, on this thread; what it throws is thrown to the process. Returns what
   * ends it.
   */
  onState(listener: StateListener): () => void;
  readonly stats: ClientStats;
  /**
   * How the connection ended: who, why, when. While there is none, how the last one did; before the first call, how the
   * first one will. Settles once per connection, never rejects. A thread that only blocks knows when it calls next.
   */
  readonly closed: Promise<ChannelEnd>;
  /**
   * Calls `listener` once for each server that dies (its process or thread ends, or it vanishes, without an orderly
   * close), after the replies that did arrive were delivered and the other calls have failed. Returns what takes the
   * listener off again.
   */
  onPeerDeath(listener: PeerDeathListener): () => void;
  /** Each address by itself, in the order in which they were given. */
  readonly addresses: readonly AddressStats[];
}

/** Of a client whose calls are awaited. */
export interface AsyncClientChannel extends ClientChannel {
  /**
   * Memory for a bytes field of a request, at random or zeroed. Where the mechanism shares memory (`shm:`), what is in it travels by
   * reference: nothing is copied, and it is the server's once sent, so that each message needs memory of its own. Elsewhere it is
   * ordinary memory. What is not sent after all is given back by `releaseLoan`. Connects, if need be.
   * Rejects with RESOURCE_EXHAUSTED where there would be more of it than allowed (option `maxSharedBytes` of the transport).
   */
  allocate(bytes: number): Promise<Buffer>;
}

/** Of a client whose calls block. */
export interface SyncClientChannel extends ClientChannel {
  /** As for clients whose calls are awaited, blocking while it connects. */
  allocate(bytes: number): Buffer;
}

type Request<M> = M extends MethodDefinition<infer R, infer _> ? MessageInit<R> : never;
type Response<M> = M extends MethodDefinition<infer _, infer R> ? R : never;

/** The methods that can be called: over a channel that only sends those are the one-way ones. */
type Callable<M extends MethodMap, D extends ClientDirection> = {
  [K in keyof M as Reachable<M[K]['oneway'], D> extends true ? K : never]: M[K];
};
/** `boolean` for a method of which the types know nothing: the stub tells at run time. */
type Reachable<Oneway extends boolean, D extends ClientDirection> = [D] extends ['duplex']
  ? true
  : true extends Oneway
    ? true
    : false;

/** A method of which the types know no kind is called as a unary one: cast where it is none. */
type KindOf<M extends { readonly kind: MethodKind }> = 'unary' extends M['kind'] ? 'unary' : M['kind'];

/** How a method is called that gives promises, by its kind. */
interface AsyncCalls<M> {
  readonly unary: (request: Request<M>, options?: CallOptions) => Promise<Response<M>>;
  readonly 'server-streaming': (request: Request<M>, options?: CallOptions) => RpcStream<Response<M>>;
  readonly 'client-streaming': (requests: StreamSource<Request<M>>, options?: CallOptions) => Promise<Response<M>>;
  readonly 'bidi-streaming': (requests: StreamSource<Request<M>>, options?: CallOptions) => RpcStream<Response<M>>;
}

/** How a method is called that blocks, by its kind. */
interface SyncCalls<M> {
  readonly unary: (request: Request<M>, options?: CallOptions) => Response<M>;
  readonly 'server-streaming': (request: Request<M>, options?: CallOptions) => Iterable<Response<M>>;
  readonly 'client-streaming': (requests: Iterable<Request<M>>, options?: CallOptions) => Response<M>;
  readonly 'bidi-streaming': (requests: Iterable<Request<M>>, options?: CallOptions) => Iterable<Response<M>>;
}

/**
 * A stub whose methods give promises and streams. Each subscription to a stream, and each iteration of one, is a call of
 * its own. Methods of the service never begin with `$`.
 */
export type Client<S extends ServiceDefinition, D extends ClientDirection = 'duplex'> = {
  readonly [K in keyof Callable<S['methods'], D>]: AsyncCalls<S['methods'][K]>[KindOf<S['methods'][K]>];
} & {
  readonly $channel: AsyncClientChannel;
  /** Fails what is in flight with CANCELLED, closes the channel. Idempotent. */
  $close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A stub whose methods block the thread and return the reply, or an iterable of replies. */
export type SyncClient<S extends ServiceDefinition, D extends ClientDirection = 'duplex'> = {
  readonly [K in keyof Callable<S['methods'], D>]: SyncCalls<S['methods'][K]>[KindOf<S['methods'][K]>];
} & {
  readonly $channel: SyncClientChannel;
  /** Closes the channel, blocking for as long as that takes. Idempotent. */
  $close(): void;
  [Symbol.dispose](): void;
};

export function clientChannel(connection: Way, calls: CallsInFlight, direction: Direction): ClientChannel {
  return {
    direction,
    get peer() {
      return connection.peer;
    },
    get lastEnd() {
      return connection.lastEnd;
    },
    get state() {
      return connection.connectivity.state;
    },
    onState: (listener) => connection.connectivity.listen(listener),
    get stats() {
      return calls.stats;
    },
    get closed() {
      return connection.life.closed;
    },
    onPeerDeath: (listener) => connection.life.onPeerDeath(listener),
    get addresses() {
      return connection.addresses;
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
    urgent: method.urgent ?? options.urgent,
    waitForReady: method.waitForReady ?? options.waitForReady,
    retry: options.retry,
    handlesBack: hasHandleFields(method.response.schema),
  }));
}

/** Makes a stub's methods; `invoke` does the calling. */
export function stubObject(
  methods: readonly StubMethod[],
  direction: ClientDirection,
  invoke: (stub: StubMethod, request: unknown, options: CallOptions | undefined) => unknown,
): Record<string, unknown> {
  const stub: Record<string, unknown> = {};
  for (const method of methods) {
    const absent = direction === 'send' && !method.method.oneway;
    const usable = absent ? refuseTwoWay : invoke;
    // defineProperty, so that a method may be called `constructor` or `then` without surprises in the prototype.
    Object.defineProperty(stub, method.method.localName, {
      value: (request: unknown, options?: CallOptions) => usable(method, request, options),
      // What is not there for the types is not there to be listed either; whoever calls it all the same is told why.
      enumerable: !absent,
    });
  }
  return stub;
}

function refuseTwoWay(stub: StubMethod): never {
  const words = `${stub.path}: it is answered, and this client's channel only sends (direction: send); use a duplex channel, or make the method one-way`;
  throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
