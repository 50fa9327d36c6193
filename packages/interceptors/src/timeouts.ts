import { parseTimeout, type Timeout, type TimeoutPolicy } from '@callgate/core';
import { badOption } from './options.js';

/** A policy as options state it: the words of a person, or milliseconds. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function policyOf(interceptor: string, name: string, value: unknown): 'never' | 'immediate' | number {
  const read = typeof value === 'string' ? parseTimeout(value) : value;
  if (read === 'never' || read === 'immediate' || (typeof read === 'number' && read >= 0)) return read;
  throw badOption(interceptor, name, 'never, immediate, milliseconds or a duration such as 250ms', value);
}

/** Milliseconds of a policy that the core has accepted or will refuse; undefined for `immediate`, Infinity for `never`. */
export function msOf(policy: TimeoutPolicy): number | undefined {
  const read = typeof policy === 'string' ? parseTimeout(policy) : policy;
  if (read === 'immediate' || read === undefined) return undefined;
  return read === 'never' ? Number.POSITIVE_INFINITY : read;
}

/** The timeout with `change` made to the milliseconds of each phase that has any. */
export function mapTimeout(timeout: Timeout, change: (ms: number) => number): Timeout {
  if (typeof timeout === 'object') {
    const { send, reply } = timeout;
    return {
      ...(send !== undefined && { send: mapPolicy(send, change) }),
      ...(reply !== undefined && { reply: mapPolicy(reply, change) }),
    };
  }
  return mapPolicy(timeout, change);
}

function mapPolicy(policy: TimeoutPolicy, change: (ms: number) => number): TimeoutPolicy {
  const ms = msOf(policy);
  if (ms === undefined) return policy;
  const changed = change(ms);
  return changed === Number.POSITIVE_INFINITY ? 'never' : changed;
}

/** Milliseconds until a call must have been sent; Infinity for never, 0 for `immediate`. */
export function sendMs(timeout: Timeout | undefined): number {
  const policy = typeof timeout === 'object' ? (timeout.send ?? 'never') : (timeout ?? 'never');
  return msOf(policy) ?? 0;
}
