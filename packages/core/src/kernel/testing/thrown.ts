import { RpcError } from '../../errors/index.js';

/** What `action` throws, which must be an RpcError. */
export function thrownBy(action: () => unknown): RpcError {
  try {
    action();
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
