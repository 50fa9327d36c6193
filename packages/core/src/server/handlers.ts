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

/** One function per method: takes the request, gives the reply or a promise of it. Throw an RpcError to fail the call. */
export type Handlers<S extends ServiceDefinition> = {
  readonly [K in keyof S['methods']]: (
    request: Request<S['methods'][K]>,
    context: CallContext,
  ) => Reply<S['methods'][K]> | Promise<Reply<S['methods'][K]>>;
};
