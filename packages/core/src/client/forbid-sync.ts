import { Reason, RpcError } from '../errors/index.js';

const reasons = new Set<{ readonly reason: string }>();

/**
 * From now on, no call of this thread may block it: blocking clients throw FAILED_PRECONDITION (SYNC_FORBIDDEN) with
 * `reason`, such as `this event loop serves the web`. Returns what undoes it; who forbids twice undoes twice.
 */
export function forbidSyncCalls(reason: string): () => void {
  if (typeof reason !== 'string' || reason === '') {
    throw new RpcError('INVALID_ARGUMENT', `forbidSyncCalls: expected a reason in words, found ${String(reason)}`, {
      reason: Reason.BAD_OPTION,
    });
  }
  const entry = { reason };
  reasons.add(entry);
  return () => void reasons.delete(entry);
}

/** Throws when calls of this thread must not block. */
export function checkSyncAllowed(path: string): void {
  if (reasons.size === 0) return;
  const words = [...reasons].map(({ reason }) => reason).join('; ');
  throw new RpcError('FAILED_PRECONDITION', `${path}: calls must not block this thread: ${words}`, {
    reason: Reason.SYNC_FORBIDDEN,
  });
}
