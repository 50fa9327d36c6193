import { RpcError } from '../../errors/index.js';

/** Another attempt to connect may succeed: nobody was there, or nobody answered in time. */
export function passes(error: unknown): error is RpcError {
  return RpcError.is(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
}
