import type { MethodDefinition, ServiceDefinition } from '../codec/contract.js';

/** A call on its way through interceptors. The same shape at the caller's and the callee's side. */
export interface InterceptedCall {
  readonly side: 'client' | 'server';
  readonly service: ServiceDefinition;
  readonly method: MethodDefinition;
  readonly request: unknown;
}

/**
 * Sees a call before and after what it wraps. `next` gives the reply, or a promise of it; on a blocking client it is
 * never a promise, and returning one there is an error. Throwing fails the call.
 */
export type Interceptor = (
  call: InterceptedCall,
  next: (call: InterceptedCall) => unknown | Promise<unknown>,
) => unknown | Promise<unknown>;

/** The interceptors around `innermost`, the first one outermost. */
export function chain(
  interceptors: readonly Interceptor[],
  innermost: (call: InterceptedCall) => unknown,
): (call: InterceptedCall) => unknown {
  return interceptors.reduceRight<(call: InterceptedCall) => unknown>(
    (next, interceptor) => (call) => interceptor(call, next),
    innermost,
  );
}
