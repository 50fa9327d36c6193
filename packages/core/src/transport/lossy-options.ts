import type { TransportOptions } from './contract.js';
import { integerBetween, type OptionCheck } from './options.js';

/** Options that every transport with `delivery: 'lossy'` understands, beside its own. */
export interface LossyOptions {
  /**
   * Calling side: milliseconds until what was not answered is sent again, and twice as long each further time, as long as
   * nothing is known of how long answers take. That is measured, for each method, and what is waited for follows it.
   * @default 50
   */
  readonly resendMs?: number;
  /** Calling side: the least to wait before that, however quick answers were so far. @default 10, or `resendMs` where that is less */
  readonly resendLeastMs?: number;
  /** Calling side: the most; also how often a call that the server works on is asked after. @default 1000, or `resendMs` where that is more */
  readonly resendMostMs?: number;
  /** Calling side: calls that may be on their way without the server having confirmed that it has them; more wait. @default 128 */
  readonly unansweredCalls?: number;
  /** Serving side: the latest calls of a client that are remembered, lest one is run twice; older ones are refused. @default 1024 */
  readonly replyCacheEntries?: number;
  /** Serving side: bytes of replies kept per client, in case one is asked for again. @default 262144 (256 KiB) */
  readonly replyCacheBytes?: number;
  /** Serving side: milliseconds for which a reply is kept at most. @default 60000 */
  readonly replyCacheMs?: number;
}

export type ResolvedLossyOptions = Readonly<Required<LossyOptions>>;

/**
 * Numbers by which the newest request may be ahead of the oldest that the server has not confirmed. The server remembers
 * twice as many, so that it never takes a first arrival for something forgotten, however late it is.
 */
export const CALL_SPAN = 512;

/** To be among the checks of every lossy transport's options. */
export const lossyOptionChecks = {
  resendMs: integerBetween(1, 5000),
  resendLeastMs: integerBetween(1, 5000),
  resendMostMs: integerBetween(1, 5000),
  unansweredCalls: integerBetween(1, CALL_SPAN),
  replyCacheEntries: integerBetween(2 * CALL_SPAN, 1_048_576),
  replyCacheBytes: integerBetween(0, 2 ** 30),
  replyCacheMs: integerBetween(100, 3_600_000),
} satisfies Readonly<Record<keyof LossyOptions, OptionCheck>>;

/** Fills in defaults; the transport has validated them. */
export function resolveLossyOptions(options: TransportOptions & LossyOptions): ResolvedLossyOptions {
  const resendLeastMs = options.resendLeastMs ?? Math.min(10, options.resendMs ?? 10);
  const resendMs = Math.max(options.resendMs ?? 50, resendLeastMs);
  return Object.freeze({
    resendMs,
    resendLeastMs,
    resendMostMs: Math.max(options.resendMostMs ?? 1000, resendMs),
    unansweredCalls: options.unansweredCalls ?? 128,
    replyCacheEntries: options.replyCacheEntries ?? 1024,
    replyCacheBytes: options.replyCacheBytes ?? 262_144,
    replyCacheMs: options.replyCacheMs ?? 60_000,
  });
}
