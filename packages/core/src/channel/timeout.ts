import { Reason, RpcError } from '../errors/index.js';

/** A length of time in words, such as `250ms`, `1.5s`, `2m`. */
export type Duration = `${number}${'us' | 'ms' | 's' | 'm' | 'h'}`;

/** `never` waits as long as it takes; `immediate` not at all; a number is milliseconds, 0 and Infinity included. */
export type TimeoutPolicy = 'never' | 'immediate' | number | Duration;

/**
 * One policy for both phases, or one each. The reply's milliseconds count from when the callee has taken the call. A
 * phase that is left out is as the next wider place has it (the method's timeout, then the client's).
 */
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

/** Validates a timeout; what it leaves out is as in `wider`. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveTimeout(timeout: Timeout | undefined, wider: Phases = NEVER_PHASES): Phases {
  if (timeout === undefined) return wider;
  if (typeof timeout !== 'object' || timeout === null) return phasesOf(policyOf(timeout, 'timeout'));
  const { send, reply, ...others } = timeout;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw badOption(`timeout.${unknown}: unknown phase; known are send and reply`);
  if (send === undefined && reply === undefined) return wider;
  const sending = send === undefined ? (wider.immediate ? 'immediate' : wider.sendMs) : policyOf(send, 'timeout.send');
  const replying = reply === undefined ? wider.replyMs : policyOf(reply, 'timeout.reply');
  const replyMs = replying === 'immediate' ? 0 : replying;
  if (sending === 'immediate') return Object.freeze({ immediate: true, sendMs: 0, replyMs, shared: false });
  return Object.freeze({ immediate: false, sendMs: sending, replyMs, shared: sending === NEVER && replyMs === NEVER });
}

function phasesOf(policy: 'immediate' | number): Phases {
  if (policy === NEVER) return NEVER_PHASES;
  if (policy === 'immediate') return Object.freeze({ immediate: true, sendMs: 0, replyMs: NEVER, shared: false });
  return Object.freeze({ immediate: false, sendMs: policy, replyMs: policy, shared: true });
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `never`, `immediate`, or a duration such as `250ms`, `1.5s`, `2m`, `1h`; undefined for anything else. */
export function parseTimeout(text: string): 'never' | 'immediate' | number | undefined {
  if (text === 'never' || text === 'immediate') return text;
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN);
}

/** Milliseconds, Infinity for never. */
function policyOf(policy: TimeoutPolicy, path: string): 'immediate' | number {
  if (policy === 'immediate') return policy;
  const read = typeof policy === 'string' ? (policy === 'never' ? NEVER : parseTimeout(policy)) : policy;
  if (typeof read === 'number' && read >= 0) return read;
  throw badTimeout(path, policy);
}

function badTimeout(path: string, found: unknown): RpcError {
  return badOption(
    `${path}: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found ${String(found)}`,
  );
}

function badOption(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}
