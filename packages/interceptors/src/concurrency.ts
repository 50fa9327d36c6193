import { type InterceptedCall, type Interceptor, observeCall, Reason, RpcError } from '@callgate/core';
import { checkNames, numberOf } from './options.js';
import { mapTimeout, sendMs } from './timeouts.js';

export interface ConcurrencyOptions {
  /** Calls that may be under way at the same time. */
  readonly max: number;
  /** Calls that may wait for their turn beyond those; more fail at once. Blocking calls never wait. @default 0 */
  readonly queue?: number | undefined;
}

interface Waiting {
  readonly start: () => void;
}

/**
 * Lets so many calls of a client (or of a service, at a server) be under way at the same time; a stream is, until it has
 * ended. The rest wait, first come first served, within their own timeout; beyond `queue` they fail with
 * RESOURCE_EXHAUSTED (OVERLOADED). Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function concurrency(options: ConcurrencyOptions): Interceptor {
  checkNames('concurrency', options, ['max', 'queue']);
  const max = numberOf('concurrency', 'max', options.max, 1, true);
  const most = numberOf('concurrency', 'queue', options.queue ?? 0, 0, true);
  const waiting = new Set<Waiting>();
  let running = 0;

  const done = (): void => {
    running--;
    const [first] = waiting;
    if (first === undefined) return;
    waiting.delete(first);
    first.start();
  };
  const run = (call: InterceptedCall, next: (call: InterceptedCall) => unknown): unknown => {
    running++;
    return observeCall(() => next(call), { onEnd: done });
  };
  return (call, next) => {
    if (running < max && waiting.size === 0) return run(call, next);
    if (call.mode === 'sync' || waiting.size >= most || sendMs(call.timeout) === 0)
      throw overloaded(call, max, waiting.size);
    const begun = performance.now();
    return turnOf(waiting, call).then(() => {
      const waitedMs = performance.now() - begun;
      const timeout = call.timeout && mapTimeout(call.timeout, (ms) => Math.max(0, ms - waitedMs));
      return run({ ...call, timeout }, next);
    });
  };
}

/** Resolves when it is the call's turn, at the latest when its time is up or its caller gives up. */
function turnOf(waiting: Set<Waiting>, call: InterceptedCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const { signal } = call;
    const ms = sendMs(call.timeout);
    const finish = (error?: RpcError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      waiting.delete(entry);
      if (error === undefined) resolve();
      else reject(error);
    };
    const entry: Waiting = { start: () => finish() };
    const onAbort = (): void =>
      finish(
        new RpcError('CANCELLED', `${call.path}: aborted while it waited for its turn`, {
          reason: Reason.ABORTED_BY_CALLER,
          cause: signal?.reason,
        }),
      );
    const words = `${call.path}: it waited for its turn (concurrency) when its deadline passed`;
    const expire = (): void => finish(new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE }));
    const timer = ms < 2 ** 31 ? setTimeout(expire, ms) : undefined;
    waiting.add(entry);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function overloaded(call: InterceptedCall, max: number, waiting: number): RpcError {
  const words = `${call.path}: ${max} calls are under way (concurrency.max), and ${waiting} wait`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.OVERLOADED });
}
