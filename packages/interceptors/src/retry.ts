import { type CodeName, type InterceptedCall, type Interceptor, Reason, RpcError } from '@callgate/core';
import { checkNames, codesOf, numberOf } from './options.js';
import { mapTimeout, msOf } from './timeouts.js';

export interface RetryOptions {
  /** Attempts in all, the first one included. @default 4 */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. @default 10 */
  readonly initialBackoffMs?: number | undefined;
  /** Milliseconds before any attempt, at most. Each wait is longer or shorter by up to a fifth. @default 1000 */
  readonly maxBackoffMs?: number | undefined;
  /** Each wait is so many times as long as the last: 1 or more. @default 2 */
  readonly multiplier?: number | undefined;
  /** Codes with which a failed call is made again. @default ['UNAVAILABLE'] */
  readonly retryableStatusCodes?: readonly CodeName[] | undefined;
}

interface Policy {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly multiplier: number;
  readonly codes: ReadonlySet<string>;
}

const NAMES = ['maxAttempts', 'initialBackoffMs', 'maxBackoffMs', 'multiplier', 'retryableStatusCodes'];

/**
 * Makes a call of a client again that failed with UNAVAILABLE, if its method is idempotent, as the .proto says, and does
 * not stream: within the call's timeout, and after waits that grow (or as long as `retryAfterMs` of the error says). What
 * is within it sees each attempt, what is around it sees one call. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function retry(options: RetryOptions = {}): Interceptor {
  checkNames('retry', options, NAMES);
  const policy: Policy = {
    maxAttempts: numberOf('retry', 'maxAttempts', options.maxAttempts ?? 4, 1, true),
    initialBackoffMs: numberOf('retry', 'initialBackoffMs', options.initialBackoffMs ?? 10, 0),
    maxBackoffMs: numberOf('retry', 'maxBackoffMs', options.maxBackoffMs ?? 1000, 0),
    multiplier: numberOf('retry', 'multiplier', options.multiplier ?? 2, 1),
    codes: codesOf('retry', 'retryableStatusCodes', options.retryableStatusCodes ?? ['UNAVAILABLE']),
  };
  return (call, next) => {
    const { method } = call;
    if (call.side === 'server' || !method.idempotent || method.oneway || method.kind !== 'unary') return next(call);
    const attempts = new Attempts(call, policy);
    return call.mode === 'sync' ? blocking(attempts, next) : awaited(attempts, next);
  };
}

async function awaited(attempts: Attempts, next: (call: InterceptedCall) => unknown): Promise<unknown> {
  for (;;) {
    try {
      return await next(attempts.begin());
    } catch (error) {
      const waitMs = attempts.failed(error);
      if (waitMs === undefined) throw error;
      await sleep(waitMs, attempts.call);
    }
  }
}

function blocking(attempts: Attempts, next: (call: InterceptedCall) => unknown): unknown {
  for (;;) {
    try {
      return next(attempts.begin());
    } catch (error) {
      const waitMs = attempts.failed(error);
      if (waitMs === undefined) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
    }
  }
}

/** The attempts of one call. */
class Attempts {
  readonly call: InterceptedCall;
  readonly #policy: Policy;
  readonly #begun = performance.now();
  #made = 0;
  #backoffMs: number;

  constructor(call: InterceptedCall, policy: Policy) {
    this.call = call;
    this.#policy = policy;
    this.#backoffMs = policy.initialBackoffMs;
  }

  /** The call as the next attempt makes it: with what is left of its time. */
  begin(): InterceptedCall {
    const { timeout } = this.call;
    const elapsedMs = this.#made++ === 0 ? 0 : performance.now() - this.#begun;
    if (timeout === undefined || elapsedMs === 0) return this.call;
    return { ...this.call, timeout: mapTimeout(timeout, (ms) => Math.max(0, ms - elapsedMs)) };
  }

  /** Milliseconds to wait before another attempt; undefined when there is to be none. */
  failed(error: unknown): number | undefined {
    const { maxAttempts, maxBackoffMs, multiplier, codes } = this.#policy;
    if (!RpcError.is(error) || !codes.has(error.code) || this.#made >= maxAttempts) return undefined;
    const jittered = Math.min(this.#backoffMs, maxBackoffMs) * (0.8 + 0.4 * Math.random());
    this.#backoffMs *= multiplier;
    const waitMs = error.retryAfterMs ?? jittered;
    return waitMs < this.#leftMs() ? waitMs : undefined;
  }

  #leftMs(): number {
    const { timeout } = this.call;
    const policies = typeof timeout === 'object' ? [timeout.send, timeout.reply] : [timeout];
    const ms = policies.map((policy) => (policy === undefined ? undefined : msOf(policy)));
    const longest = ms.some((one) => one === undefined) ? Number.POSITIVE_INFINITY : Math.max(...(ms as number[]));
    return longest - (performance.now() - this.#begun);
  }
}

function sleep(ms: number, { signal, path }: InterceptedCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      const words = `${path}: aborted between two attempts`;
      reject(new RpcError('CANCELLED', words, { reason: Reason.ABORTED_BY_CALLER, cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
