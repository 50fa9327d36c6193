import type { ParentCall } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';

/** The end of a call for which nobody waits any more, since nobody waits for the one that it is made for. */
export function parentStopped(path: string, parent: ParentCall, reason: unknown): RpcError {
  const detail = reason instanceof Error ? reason.message : String(reason);
  if (RpcError.is(reason) && reason.reason === Reason.DEADLINE) {
    const words = `${path}: the deadline of ${parent.path}, for which it was made, passed`;
    return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE, cause: reason });
  }
  const words = `${path}: cancelled with ${parent.path}, for which it was made: ${detail}`;
  return new RpcError('CANCELLED', words, { reason: Reason.ABORTED_BY_CALLER, cause: reason });
}
