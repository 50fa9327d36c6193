import { fchmodSync, fstatSync, lstatSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { badAddress, type Deadline } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import type { Place } from './place.js';
import { modeOf, removeQuietly } from './roster.js';

/** How long, in ms, to wait for somebody else who has the roster in hand: microseconds, unless he was stopped. */
const PATIENCE_MS = 2000;
const RETRY_MS = 2;

/** Runs `body` while nobody else changes the roster. */
export async function withLock<T>(
  native: NativeAddon,
  place: Place,
  options: { readonly mode: number },
  body: () => T,
): Promise<T> {
  for (const until = performance.now() + PATIENCE_MS; ; await setTimeout(RETRY_MS)) {
    const unlock = tryLock(native, place, modeOf(place, options));
    if (unlock !== undefined) return run(place, body, unlock);
    if (performance.now() > until) throw lockedOut(place);
  }
}

/** As withLock, blocking the thread. */
export function withLockSync<T>(
  native: NativeAddon,
  place: Place,
  options: { readonly mode: number },
  body: () => T,
  deadline: Deadline = Number.POSITIVE_INFINITY,
): T {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Math.min(performance.now() + PATIENCE_MS, deadline); ; Atomics.wait(pause, 0, 0, RETRY_MS)) {
    const unlock = tryLock(native, place, modeOf(place, options));
    if (unlock !== undefined) return run(place, body, unlock);
    if (performance.now() > until) throw lockedOut(place);
  }
}

function run<T>(place: Place, body: () => T, unlock: () => void): T {
  try {
    return body();
  } catch (error) {
    throw fromErrno(error, `cannot use ${place.url}`);
  } finally {
    unlock();
  }
}

/** How to unlock; undefined when somebody else has it. */
function tryLock(native: NativeAddon, place: Place, mode: number): (() => void) | undefined {
  const file = `${place.roster}.lock`;
  let held: Fd | null;
  try {
    held = native.lockFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Whoever has just made it is about to let others in.
    if (code === 'EACCES' && (mode & 0o066) !== 0) return undefined;
    if (code === 'ENOENT') throw badAddress(place.url, `there is no directory for ${place.roster}`);
    throw fromErrno(error, `cannot use ${place.url}`);
  }
  if (held === null) return undefined;
  const lock = held;
  const made = fstatSync(lock.value);
  const named = lstatSync(file, { throwIfNoEntry: false });
  // The last holder removed its file: a lock on one that has no name any more keeps nobody out.
  if (named === undefined || named.ino !== made.ino || named.dev !== made.dev) {
    lock.close();
    return undefined;
  }
  if (made.uid === process.geteuid?.() && (made.mode & 0o777) !== mode) fchmodSync(lock.value, mode);
  return () => {
    removeQuietly(file);
    lock.close();
  };
}

function lockedOut(place: Place): RpcError {
  const words = `cannot use ${place.url}: another process has held the lock on ${place.roster}.lock for ${PATIENCE_MS} ms`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel' });
}
