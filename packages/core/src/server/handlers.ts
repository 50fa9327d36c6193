import type { MessageInit, MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import type { Peer } from '../transport/contract.js';

/** What a handler may know of its call beyond the request. */
export interface CallContext {
  /** In words: `geo.Geo/LookUp`. */
  readonly path: string;
  readonly peer: Peer;
  /** Instant of `performance.now()` at which the caller stops waiting; Infinity for never. */
  readonly deadline: number;
  /** Fires when the caller cancels, the deadline passes, or the caller is gone. */
  readonly signal: AbortSignal;
}

type Request<M> = M extends MethodDefinition<infer R, infer _> ? R : never;
type Reply<M> = M extends MethodDefinition<infer _, infer R> ? MessageInit<R> : never;

/** Takes the request, gives the reply or a promise of it. What a one-way method's handler returns is of no interest. */
export type Handler<M> = M extends { readonly oneway: true }
  ? (request: Request<M>, context: CallContext) => unknown
  : (request: Request<M>, context: CallContext) => Reply<M> | Promise<Reply<M>>;

/**
 * One function per method. Throw an RpcError to fail the call. Methods that stream can't be served yet and need none.
 */
export type Handlers<S extends ServiceDefinition> = {
  readonly [K in keyof S['methods'] as 'unary' extends S['methods'][K]['kind'] ? K : never]: Handler<S['methods'][K]>;
};
