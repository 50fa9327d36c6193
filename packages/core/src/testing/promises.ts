import type { RpcError } from '../errors/index.js';

/** A promise and what settles it, to let handlers wait for the test. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** What a call fails with; rejects when it does not fail. */
export function failure(promise: Promise<unknown>): Promise<RpcError> {
  return promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: RpcError) => error,
  );
}
