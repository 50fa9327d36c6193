import type { RpcError } from '../../index.js';

/** What a call fails with; rejects when it does not fail. */
export function failure(call: Promise<unknown>): Promise<RpcError> {
  return call.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: RpcError) => error,
  );
}

/** Resolves when `check` is true, which it comes to be. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 5));
}
