import {
  type InterceptedCall,
  type Interceptor,
  Reason,
  type ResolvedRetryPolicy,
  type RetryPolicy,
  RetryThrottle,
  RpcError,
  resolveRetry,
  retryBackoffMs,
} from '@callgate/core';
import { mapTimeout, msOf } from './timeouts.js';

/**
 * Makes a call of a client again that failed with UNAVAILABLE, if its method is idempotent, as the .proto says, and does
 * not stream: within the call's timeout, and after waits that grow (or as long as `retryAfterMs` of the error says). What
 * is within it sees each attempt, what is around it sees one call; where that does not matter, a client's own option
 * `retry` does the same and more. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function retry(options: RetryPolicy = {}): Interceptor {
  const policy = resolveRetry(options) as ResolvedRetryPolicy;
  const throttle = new RetryThrottle(policy.throttling);
  return (call, next) => {
    const { method } = call;
    if (call.side === 'server' || !method.idempotent || method.oneway || method.kind !== 'unary') return next(call);
    const attempts = new Attempts(call, policy, throttle);
    return call.mode === 'sync' ? blocking(attempts, next) : awaited(attempts, next);
  };
}

async function awaited(attempts: Attempts, next: (call: InterceptedCall) => unknown): Promise<unknown> {
  for (;;) {
    let reply: unknown;
    try {
      reply = await next(attempts.begin());
    } catch (error) {
      const waitMs = attempts.failed(error);
      if (waitMs === undefined) throw error;
      await sleep(waitMs, attempts.call);
      continue;
    }
    attempts.succeeded();
    return reply;
  }
}

function blocking(attempts: Attempts, next: (call: InterceptedCall) => unknown): unknown {
  for (;;) {
    let reply: unknown;
    try {
      reply = next(attempts.begin());
    } catch (error) {
      const waitMs = attempts.failed(error);
      if (waitMs === undefined) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
      continue;
    }
    attempts.succeeded();
    return reply;
  }
}

/** The attempts of one call. */
class Attempts {
  readonly call: InterceptedCall;
  readonly #policy: ResolvedRetryPolicy;
  readonly #throttle: RetryThrottle;
  readonly #begun = performance.now();
  #made = 0;
  /** What the caller is told of the last attempt, if it is the last one. */
  #heard: (() => void)[] = [];

  constructor(call: InterceptedCall, policy: ResolvedRetryPolicy, throttle: RetryThrottle) {
    this.call = call;
    this.#throttle = throttle;
    this.#policy = policy;
  }

  /** The call as the next attempt makes it: with what is left of its time. */
  begin(): InterceptedCall {
    const { timeout } = this.call;
    const elapsedMs = this.#made++ === 0 ? 0 : performance.now() - this.#begun;
    this.#heard = [];
    const call = { ...this.call, onHeaders: this.#hold('onHeaders'), onTrailers: this.#hold('onTrailers') };
    if (timeout === undefined || elapsedMs === 0) return call;
    return { ...call, timeout: mapTimeout(timeout, (ms) => Math.max(0, ms - elapsedMs)) };
  }

  /** Throws what a listener of the caller's does. */
  succeeded(): void {
    this.#throttle.succeeded();
    this.#tell();
  }

  /** Of an attempt that may turn out not to count, nobody is told before it does. */
  #hold(name: 'onHeaders' | 'onTrailers'): InterceptedCall['onHeaders'] {
    const { [name]: listener, path } = this.call;
    if (listener === undefined) return undefined;
    return (metadata) =>
      void this.#heard.push(() => {
        try {
          listener(metadata);
        } catch (cause) {
          const detail = cause instanceof Error ? cause.message : String(cause);
          const options = { reason: Reason.ABORTED_BY_CALLER, cause };
          throw new RpcError('CANCELLED', `${path}: ${name} threw: ${detail}`, options);
        }
      });
  }

  #tell(): void {
    for (const tell of this.#heard.splice(0)) tell();
  }

  /** Milliseconds to wait before another attempt; undefined when there is to be none: the caller is told of this one. */
  failed(error: unknown): number | undefined {
    const waitMs = this.#waitMsAfter(error);
    if (waitMs === undefined) this.#tell();
    return waitMs;
  }

  #waitMsAfter(error: unknown): number | undefined {
    const { maxAttempts, retryableStatusCodes } = this.#policy;
    if (!RpcError.is(error) || !retryableStatusCodes.has(error.code)) return undefined;
    this.#throttle.failed();
    if (!this.#throttle.permits || this.#made >= maxAttempts) return undefined;
    const waitMs = error.retryAfterMs ?? retryBackoffMs(this.#policy, this.#made);
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
