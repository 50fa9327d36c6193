import type { Deadline } from '../contract.js';

/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One wait on the event loop: ends by `settle`, by its deadline (false) or by its signal (rejects). */
export interface Sleeper {
  readonly want: number;
  readonly promise: Promise<boolean>;
  settle(result: boolean): void;
}

/** `onEnd` is called once, when the wait ends, whatever ends it. */
export function sleeper(want: number, deadline: Deadline, signal: AbortSignal | undefined, onEnd: () => void): Sleeper {
  let timer: NodeJS.Timeout | undefined;
  let done = false;
  let resolve!: (result: boolean) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<boolean>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const finish = (): boolean => {
    if (done) return false;
    done = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    onEnd();
    return true;
  };
  const onAbort = (): void => {
    if (finish()) reject(signal?.reason);
  };
  const arm = (): void => {
    const left = deadline - performance.now();
    timer = setTimeout(
      () => (performance.now() < deadline ? arm() : settle(false)),
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
  };
  const settle = (result: boolean): void => {
    if (finish()) resolve(result);
  };
  if (deadline !== Number.POSITIVE_INFINITY) arm();
  signal?.addEventListener('abort', onAbort);
  return { want, promise, settle };
}
