import type { Metadata, RpcStream, StreamSource } from '../channel/index.js';
import type { CallbackOptions, Client } from '../client/index.js';
import type { MessageInit, MethodDefinition, MethodKind, ServiceDefinition } from '../codec/contract.js';
import type { MetadataView } from '../errors/index.js';
import type { Handle, Peer } from '../transport/contract.js';
import type { PeerChannel } from './peer-channel.js';

/** What a handler may know of its call beyond the request. */
export interface CallContext {
  /** In words: `geo.Geo/LookUp`. */
  readonly path: string;
  readonly peer: Peer;
  /** The connection over which the call came: who, why and when of its end, and a notice of the peer's death. */
  readonly channel: PeerChannel;
  /** `channel.client`: calls what the caller offers, over the connection over which it called. */
  client<S extends ServiceDefinition>(service: S, options?: CallbackOptions): Client<S>;
  /** Instant of `performance.now()` at which the caller stops waiting; Infinity for never. */
  readonly deadline: number;
  /** Fires when the caller cancels, the deadline passes, or the caller is gone. */
  readonly signal: AbortSignal;
  /** Attempts at this call that failed before, and that this server or another may have seen: 0 for most. */
  readonly previousAttempts: number;
  /** What the caller sent along. */
  readonly metadata: MetadataView;
  /** Goes back in front of the reply, or with it. */
  readonly headers: Metadata;
  /** Goes back with the end of the call, also when it fails: the caller finds it in the error. */
  readonly trailers: Metadata;
  /**
   * Sends the headers now, ahead of the reply; they can't be changed any more. Idempotent. Where a transport has no
   * greetings (`udp:`, `mq:`), they go with the reply all the same. Throws RESOURCE_EXHAUSTED (METADATA_TOO_LARGE).
   */
  sendHeaders(): void;
  /**
   * The open file descriptors that came with the request, in the order in which they were sent; the handler's own from
   * now on, so a second call gives none. Those that it has not taken are closed when it is done; so are those in fields
   * of the request (`callgate.Handle`), which are not among these: `detach()` takes them.
   */
  takeHandles(): readonly Handle[];
  /**
   * Sends open file descriptors with the reply. They are the call's at once (their `value` is -1), and closed when no
   * reply is sent. Throws INVALID_ARGUMENT for one that is closed. The call fails where they can't travel (capability:
   * handlesPerMessage).
   */
  giveHandles(handles: readonly Handle[]): void;
  /**
   * Memory for a bytes field of the reply, at random or zeroed, which travels by reference where the mechanism shares memory
   * (`shm:`): see `allocate` of a client's `$channel`.
   */
  allocate(bytes: number): Buffer;
}

/** What a call has for those who made something for it. */
export interface EndingCall {
  /** Calls `listener` when the handler is done. */
  atEnd(listener: () => void): void;
}

type Request<M> = M extends MethodDefinition<infer R, infer _> ? R : never;
type Reply<M> = M extends MethodDefinition<infer _, infer R> ? MessageInit<R> : never;

/** What a method's handler takes and gives, by the method's kind. */
interface HandlersByKind<M> {
  readonly unary: (request: Request<M>, context: CallContext) => Reply<M> | Promise<Reply<M>>;
  readonly 'server-streaming': (request: Request<M>, context: CallContext) => Replies<M> | Promise<Replies<M>>;
  readonly 'client-streaming': (requests: RpcStream<Request<M>>, context: CallContext) => Reply<M> | Promise<Reply<M>>;
  readonly 'bidi-streaming': (
    requests: RpcStream<Request<M>>,
    context: CallContext,
  ) => Replies<M> | Promise<Replies<M>>;
}

type Replies<M> = StreamSource<Reply<M>>;
/** A method of which the types know no kind is taken for a unary one: cast where it is none. */
type KindOf<M extends { readonly kind: MethodKind }> = 'unary' extends M['kind'] ? 'unary' : M['kind'];

/**
 * Takes the request, or a stream of them, and gives the reply, or what gives the replies: a generator, any (async)
 * iterable, an observable; or a promise of it. What a one-way method's handler returns is of no interest.
 */
export type Handler<M extends { readonly kind: MethodKind }> = M extends { readonly oneway: true }
  ? (request: Request<M>, context: CallContext) => unknown
  : HandlersByKind<M>[KindOf<M>];

/** One function per method. Throw an RpcError to fail the call. */
export type Handlers<S extends ServiceDefinition> = {
  readonly [K in keyof S['methods']]: Handler<S['methods'][K]>;
};
