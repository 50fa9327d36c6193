import { type Interceptor, observeCall, RpcError } from '@callgate/core';
import { checkNames, codesOf, numberOf } from './options.js';

export type CircuitState = 'closed' | 'open' | 'half-open';

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. @default 5 */
  readonly failures?: number | undefined;
  /** Milliseconds until one call may try again. @default 1000 */
  readonly resetMs?: number | undefined;
  /** Codes that count as failures; any other end closes the circuit. @default ['UNAVAILABLE', 'DEADLINE_EXCEEDED'] */
  readonly codes?: readonly string[] | undefined;
  /** Hears of each change. Must not throw. */
  readonly onState?: ((state: CircuitState) => void) | undefined;
}

/** The reason of calls that an open circuit refuses. */
export const CIRCUIT_OPEN = 'CIRCUIT_OPEN';

/**
 * Stops calling who fails all the time: after so many failures in a row, calls fail at once with UNAVAILABLE
 * (CIRCUIT_OPEN), which says when to try again; then one call tries, and its end decides. For clients; one circuit for
 * all calls that pass it. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Interceptor {
  checkNames('circuitBreaker', options, ['failures', 'resetMs', 'codes', 'onState']);
  const most = numberOf('circuitBreaker', 'failures', options.failures ?? 5, 1, true);
  const resetMs = numberOf('circuitBreaker', 'resetMs', options.resetMs ?? 1000, 0);
  const codes = codesOf('circuitBreaker', 'codes', options.codes ?? ['UNAVAILABLE', 'DEADLINE_EXCEEDED']);
  let state: CircuitState = 'closed';
  let failures = 0;
  let retryAt = 0;

  const become = (next: CircuitState): void => {
    if (state === next) return;
    state = next;
    options.onState?.(next);
  };
  const ended = (error: unknown, trial: boolean): void => {
    const code = RpcError.is(error) ? error.code : error === undefined ? 'OK' : 'UNKNOWN';
    if (codes.has(code)) {
      failures++;
      if (!trial && (failures < most || state !== 'closed')) return;
      retryAt = performance.now() + resetMs;
      become('open');
    } else if (code === 'CANCELLED') {
      // It says nothing of the callee: the next call tries.
      if (trial) become('open');
    } else if (trial || state === 'closed') {
      failures = 0;
      become('closed');
    }
  };
  return (call, next) => {
    if (call.side === 'server') return next(call);
    const trial = state !== 'closed';
    if (trial) {
      const leftMs = retryAt - performance.now();
      if (state === 'half-open' || leftMs > 0) throw refused(call.path, failures, leftMs);
      become('half-open');
    }
    return observeCall(() => next(call), { onEnd: (error) => ended(error, trial) });
  };
}

function refused(path: string, failures: number, leftMs: number): RpcError {
  const retryAfterMs = Math.max(0, Math.ceil(leftMs));
  const words = `${path}: not begun, since ${failures} calls in a row have failed (circuit breaker); one may try again in ${retryAfterMs} ms`;
  return new RpcError('UNAVAILABLE', words, { reason: CIRCUIT_OPEN, retryAfterMs });
}
