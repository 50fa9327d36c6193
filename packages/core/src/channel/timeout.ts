import { Reason, RpcError } from '../errors/index.js';

/** `never` waits as long as it takes; `immediate` not at all; a number is milliseconds, 0 and Infinity included. */
export type TimeoutPolicy = 'never' | 'immediate' | number;

/** One policy for both phases, or one each. The reply's milliseconds count from when the callee has taken the call. */
export type Timeout = TimeoutPolicy | { readonly send?: TimeoutPolicy; readonly reply?: TimeoutPolicy };

const NEVER = Number.POSITIVE_INFINITY;

/** A timeout, made ready for one kind of call. Immutable; made once per distinct timeout, not per call. */
export interface Phases {
  /** The call begins only if the callee can take it now. */
  readonly immediate: boolean;
  /** Milliseconds until the callee must have taken the call. */
  readonly sendMs: number;
  /** Milliseconds for the reply; counted from the call's begin when `shared`, else from when it was taken. */
  readonly replyMs: number;
  /** Both phases end at one deadline. */
  readonly shared: boolean;
}

const NEVER_PHASES: Phases = Object.freeze({ immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true });

/** Validates a timeout. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveTimeout(timeout: Timeout | undefined): Phases {
  if (timeout === undefined || timeout === 'never' || timeout === NEVER) return NEVER_PHASES;
  if (typeof timeout === 'number') {
    const ms = milliseconds(timeout, 'timeout');
    return Object.freeze({ immediate: false, sendMs: ms, replyMs: ms, shared: true });
  }
  if (timeout === 'immediate') return Object.freeze({ immediate: true, sendMs: 0, replyMs: NEVER, shared: false });
  if (typeof timeout !== 'object' || timeout === null) throw badTimeout('timeout', timeout);
  const { send = 'never', reply = 'never', ...others } = timeout;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw badOption(`timeout.${unknown}: unknown phase; known are send and reply`);
  const replyMs = milliseconds(reply === 'immediate' ? 0 : reply, 'timeout.reply');
  if (send === 'immediate') return Object.freeze({ immediate: true, sendMs: 0, replyMs, shared: false });
  const sendMs = milliseconds(send, 'timeout.send');
  return Object.freeze({ immediate: false, sendMs, replyMs, shared: sendMs === NEVER && replyMs === NEVER });
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `never`, `immediate`, or a duration such as `250ms`, `1.5s`, `2m`, `1h`; undefined for anything else. */
export function parseTimeout(text: string): TimeoutPolicy | undefined {
  if (text === 'never' || text === 'immediate') return text;
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN);
}

function milliseconds(policy: TimeoutPolicy, path: string): number {
  if (policy === 'never') return NEVER;
  if (typeof policy === 'number' && policy >= 0) return policy;
  throw badTimeout(path, policy);
}

function badTimeout(path: string, found: unknown): RpcError {
  return badOption(`${path}: expected 'never', 'immediate', or milliseconds of 0 or more, found ${String(found)}`);
}

function badOption(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}
