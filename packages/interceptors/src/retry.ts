import {
  type InterceptedCall,
  type Interceptor,
  Reason,
  type ResolvedRetryPolicy,
  type RetryPolicy,
  RpcError,
  resolveRetry,
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
  const tokens = new Tokens(policy.throttling);
  return (call, next) => {
    const { method } = call;
    if (call.side === 'server' || !method.idempotent || method.oneway || method.kind !== 'unary') return next(call);
    const attempts = new Attempts(call, policy, tokens);
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

/** The bucket of `RetryThrottling`: full at first, and more than half full while retries are made. */
class Tokens {
  readonly #most: number;
  readonly #ratio: number;
  #left: number;

  constructor({ maxTokens, tokenRatio }: ResolvedRetryPolicy['throttling']) {
    this.#most = maxTokens;
    this.#ratio = tokenRatio;
    this.#left = maxTokens;
  }

  /** A call has failed; false when there are too many of them for another attempt. */
  take(): boolean {
    this.#left = Math.max(0, this.#left - 1);
    return this.#left > this.#most / 2;
  }

  giveBack(): void {
    this.#left = Math.min(this.#most, this.#left + this.#ratio);
  }
}

/** The attempts of one call. */
class Attempts {
  readonly call: InterceptedCall;
  readonly #policy: ResolvedRetryPolicy;
  readonly #tokens: Tokens;
  readonly #begun = performance.now();
  #made = 0;
  #backoffMs: number;
  /** What the caller is told of the last attempt, if it is the last one. */
  #heard: (() => void)[] = [];

  constructor(call: InterceptedCall, policy: ResolvedRetryPolicy, tokens: Tokens) {
    this.call = call;
    this.#tokens = tokens;
    this.#policy = policy;
    this.#backoffMs = policy.initialBackoffMs;
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
    this.#tokens.giveBack();
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
    const { maxAttempts, maxBackoffMs, multiplier, retryableStatusCodes } = this.#policy;
    if (!RpcError.is(error) || !retryableStatusCodes.has(error.code)) return undefined;
    if (!this.#tokens.take() || this.#made >= maxAttempts) return undefined;
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
