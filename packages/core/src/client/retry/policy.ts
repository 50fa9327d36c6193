import { badOption } from '../../channel/index.js';
import { Code, type CodeName } from '../../errors/index.js';

/**
 * When a call that failed is made again, by itself. Only methods whose .proto says that they are idempotent are, and
 * calls that no handler has had, whatever the method. The call's deadline bounds all attempts. Source: gRFC A6.
 */
export interface RetryPolicy {
  /** Attempts in all, the first one included: 2 … 5. @default 4 */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. @default 10 */
  readonly initialBackoffMs?: number | undefined;
  /** Milliseconds before any attempt, at most. Each wait is longer or shorter by up to a fifth. @default 1000 */
  readonly maxBackoffMs?: number | undefined;
  /** Each wait is so many times as long as the last: 1 or more. @default 2 */
  readonly multiplier?: number | undefined;
  /** Codes with which a failed call is made again. @default ['UNAVAILABLE'] */
  readonly retryableStatusCodes?: readonly CodeName[] | undefined;
  /** Stops retries of this client while too many calls fail. @default { maxTokens: 1000, tokenRatio: 0.1 } */
  readonly throttling?: RetryThrottling | undefined;
}

/**
 * A bucket of tokens, full at first. A failure takes one, a success puts `tokenRatio` back, and retries are made only
 * while the bucket is more than half full: so that servers that are down for all are not asked even more.
 */
export interface RetryThrottling {
  /** More than 0, 1000 at most. @default 1000 */
  readonly maxTokens?: number | undefined;
  /** More than 0. @default 0.1 */
  readonly tokenRatio?: number | undefined;
}

export interface ResolvedRetryPolicy {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly multiplier: number;
  readonly retryableStatusCodes: ReadonlySet<string>;
  readonly throttling: { readonly maxTokens: number; readonly tokenRatio: number };
}

const NAMES = [
  'maxAttempts',
  'initialBackoffMs',
  'maxBackoffMs',
  'multiplier',
  'retryableStatusCodes',
  'throttling',
] as const;

/** Milliseconds before another attempt, when so many have been made. `random` gives numbers from 0 to 1. */
export function retryBackoffMs(policy: ResolvedRetryPolicy, made: number, random: () => number = Math.random): number {
  const { initialBackoffMs, maxBackoffMs, multiplier } = policy;
  return Math.min(maxBackoffMs, initialBackoffMs * multiplier ** (made - 1)) * (0.8 + 0.4 * random());
}

/** Resolved once per policy object, not per call. */
const resolved = new WeakMap<object, ResolvedRetryPolicy>();

/** Validates, fills defaults and freezes; `false` and undefined stay what they are. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveRetry(retry: RetryPolicy | false | undefined): ResolvedRetryPolicy | false | undefined {
  if (retry === undefined || retry === false) return retry;
  if (typeof retry !== 'object' || retry === null || Array.isArray(retry))
    throw badOption('retry', 'a policy or false', retry);
  const known = resolved.get(retry);
  if (known !== undefined) return known;
  const policy = resolvePolicy(retry);
  resolved.set(retry, policy);
  return policy;
}

function resolvePolicy(retry: RetryPolicy): ResolvedRetryPolicy {
  checkNames(retry, '', NAMES);
  const throttling = retry.throttling ?? {};
  checkNames(throttling, '.throttling', ['maxTokens', 'tokenRatio']);
  const codes = retry.retryableStatusCodes ?? ['UNAVAILABLE'];
  const policy = {
    maxAttempts: retry.maxAttempts ?? 4,
    initialBackoffMs: retry.initialBackoffMs ?? 10,
    maxBackoffMs: retry.maxBackoffMs ?? 1000,
    multiplier: retry.multiplier ?? 2,
    throttling: Object.freeze({ maxTokens: throttling.maxTokens ?? 1000, tokenRatio: throttling.tokenRatio ?? 0.1 }),
  };
  const { maxAttempts, initialBackoffMs, maxBackoffMs, multiplier } = policy;
  const { maxTokens, tokenRatio } = policy.throttling;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 2 || maxAttempts > 5) {
    throw badOption(
      'retry.maxAttempts',
      'a whole number from 2 to 5 (retry: false makes no second attempt)',
      maxAttempts,
    );
  }
  if (!(initialBackoffMs >= 0))
    throw badOption('retry.initialBackoffMs', 'milliseconds of 0 or more', initialBackoffMs);
  if (!(maxBackoffMs >= 0)) throw badOption('retry.maxBackoffMs', 'milliseconds of 0 or more', maxBackoffMs);
  if (!(multiplier >= 1)) throw badOption('retry.multiplier', 'a number of 1 or more', multiplier);
  if (!(maxTokens > 0 && maxTokens <= 1000)) {
    throw badOption('retry.throttling.maxTokens', 'a number of more than 0, 1000 at most', maxTokens);
  }
  if (!(tokenRatio > 0)) throw badOption('retry.throttling.tokenRatio', 'a number of more than 0', tokenRatio);
  const wrong = Array.isArray(codes) ? codes.find((code) => !(Object.hasOwn(Code, code) && code !== 'OK')) : codes;
  if (!Array.isArray(codes) || wrong !== undefined) {
    throw badOption('retry.retryableStatusCodes', 'a list of status codes such as UNAVAILABLE', wrong);
  }
  return Object.freeze({ ...policy, retryableStatusCodes: new Set<string>(codes) });
}

function checkNames(options: unknown, at: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw badOption(`retry${at}`, 'a map', options);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badOption(`retry${at}`, `a map of ${known.join(', ')}`, unknown);
}
