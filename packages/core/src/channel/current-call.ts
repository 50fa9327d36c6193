/**
 * The call for which other calls are made: the one that a handler of this thread works on. What is made for it inherits
 * its deadline, and ends with it.
 *
 * While a handler runs its first, synchronous part, a variable of this thread tells which. What it does after its first
 * `await` is told by AsyncLocalStorage, which makes every promise of the thread dearer: it is used only in threads that
 * both serve and call, and only from when it first does. A handler that has begun before, and then makes its thread's first
 * client, is told of from there on if that is before its first `await`; after one, nobody knows any more whose work it is,
 * and `parent: context` in the options of its calls says so.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { BlockedThread } from './blocked-threads.js';

/** A call that others may be made for: a handler's context. */
export interface ParentCall {
  /** In words: `geo.Geo/LookUp`. */
  readonly path: string;
  /** Instant of `performance.now()`; Infinity for never. */
  readonly deadline: number;
  /** Fires when nobody wants its reply any more. */
  readonly signal: AbortSignal;
}

/** The same as servers make it: cheaper to follow than a signal. */
export interface FollowedCall extends ParentCall {
  /** Its handler is done: what is left behind by it, such as a timer, makes calls of its own. */
  readonly over: boolean;
  /** Those who block until it is answered. */
  readonly blockedThreads: readonly BlockedThread[];
  /** Calls `listener` when it is stopped, at once when it has been. Returns what takes the listener off again. */
  follow(listener: (reason: unknown) => void): () => void;
}

let running: FollowedCall | undefined;
let storage: AsyncLocalStorage<FollowedCall | undefined> | undefined;
let serves = false;
let calls = false;

/** To be called where this thread comes to serve, and where it comes to call. */
export function noteThread(does: 'serves' | 'calls'): void {
  if (does === 'serves') serves = true;
  else calls = true;
  if (!serves || !calls || storage !== undefined) return;
  storage = new AsyncLocalStorage();
  // The handler that made this thread call: `runFor` ends this when its synchronous part is over.
  if (running !== undefined) storage.enterWith(running);
}

/** Whether this thread serves: what blocks it, blocks who calls it. */
export function servesHere(): boolean {
  return serves;
}

/** Whether what a handler does after its first `await` is known to be done for its call. */
export function propagates(): boolean {
  return storage !== undefined;
}

/** Runs a handler, which works on `call` from its begin to its end. */
export function runFor<C extends FollowedCall>(
  call: C,
  run: (request: unknown, context: C) => unknown,
  request: unknown,
): unknown {
  const before = running;
  const known = storage !== undefined;
  running = call;
  try {
    return storage === undefined ? run(request, call) : storage.run(call, run, request, call);
  } finally {
    running = before;
    if (!known && storage !== undefined) storage.enterWith(before);
  }
}

/** The call that the code which asks works for; undefined for none, and once its handler is done. */
export function currentCall(): FollowedCall | undefined {
  const call = running ?? storage?.getStore();
  return call === undefined || call.over ? undefined : call;
}

/** Runs what outlives the call for which it happens to be done first, such as a connection. */
export function runForNobody<T>(run: () => T): T {
  return storage === undefined ? run() : storage.run(undefined, run);
}

/** Follows a parent of whatever make: see `FollowedCall.follow`. */
export function followCall(parent: ParentCall, listener: (reason: unknown) => void): () => void {
  if ('follow' in parent) return (parent as FollowedCall).follow(listener);
  const { signal } = parent;
  const onAbort = (): void => listener(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
