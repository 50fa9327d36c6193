import type { Interceptor, TimeoutPolicy } from '@callgate/core';
import { badOption, checkNames } from './options.js';
import { mapTimeout, policyOf } from './timeouts.js';

export interface DeadlineOptions {
  /** For calls of which neither call, method nor client state a timeout. @default none */
  readonly default?: TimeoutPolicy | undefined;
  /** Milliseconds, or a duration: the longest that any call may take, in each phase. @default none */
  readonly max?: TimeoutPolicy | undefined;
}

/**
 * Gives calls a timeout that state none, and bounds those that state a longer one. For clients; at a server it does
 * nothing. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function deadline(options: DeadlineOptions = {}): Interceptor {
  checkNames('deadline', options, ['default', 'max']);
  const standard = options.default === undefined ? undefined : policyOf('deadline', 'default', options.default);
  const most = options.max === undefined ? 'never' : policyOf('deadline', 'max', options.max);
  if (most === 'immediate') throw badOption('deadline', 'max', 'a length of time', most);
  const mostMs = most === 'never' ? Number.POSITIVE_INFINITY : most;
  return (call, next) => {
    if (call.side === 'server') return next(call);
    const stated = call.timeout ?? standard ?? 'never';
    const bounded =
      typeof stated === 'object' ? { send: 'never' as const, reply: 'never' as const, ...stated } : stated;
    const timeout = mostMs === Number.POSITIVE_INFINITY ? stated : mapTimeout(bounded, (ms) => Math.min(ms, mostMs));
    return next({ ...call, timeout });
  };
}
