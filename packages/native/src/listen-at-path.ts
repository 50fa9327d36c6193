import { fstatSync, lstatSync, unlinkSync } from 'node:fs';
import type { Fd, NativeAddon } from './addon.js';

export interface PathListener {
  readonly fd: Fd;
  /** Stops listening and removes the file, if it is still this listener's. Idempotent. */
  close(): void;
}

/**
 * Listens on a Unix socket at a path. A socket file that nobody listens at (its server died) is taken over; one in use,
 * and anything that is not a socket, is never touched: EADDRINUSE. Two that try at once do not both succeed.
 */
export function listenAtPath(
  addon: NativeAddon,
  path: string,
  options: { readonly mode: number; readonly backlog: number },
): PathListener {
  const fd = bindOrTakeOver(addon, path, options);
  const { ino, dev } = lstatSync(path);
  let open = true;
  return {
    fd,
    close() {
      if (!open) return;
      open = false;
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now !== undefined && now.ino === ino && now.dev === dev) unlinkSync(path);
      fd.close();
    },
  };
}

function bindOrTakeOver(addon: NativeAddon, path: string, options: { mode: number; backlog: number }): Fd {
  try {
    return addon.listenUnix(path, options.mode, options.backlog);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isSocket()) throw withMessage(error, `${path} exists and is no socket`);
    return takeOver(addon, path, options, error);
  }
}

/** Only the holder of the lock may remove a socket file that it found dead; the lock's file goes with it. */
function takeOver(addon: NativeAddon, path: string, options: { mode: number; backlog: number }, inUse: unknown): Fd {
  const lockPath = `${path}.lock`;
  const lock = addon.lockFile(lockPath);
  if (lock === null || !isFile(lock, lockPath)) {
    lock?.close();
    throw withMessage(inUse, `${path} is being taken over by another server right now`);
  }
  try {
    if (somebodyListens(addon, path)) throw withMessage(inUse, `${path} is in use by another server`);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path);
    return addon.listenUnix(path, options.mode, options.backlog);
  } finally {
    unlinkSync(lockPath);
    lock.close();
  }
}

/** False when the path was unlinked since it was opened: then the lock on it excludes nobody. */
function isFile(fd: Fd, path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd.value).ino;
}

function somebodyListens(addon: NativeAddon, path: string): boolean {
  try {
    addon.connectUnix(path, 0).close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    // A full backlog, or no permission to connect: somebody is there.
    return true;
  }
}

function withMessage(error: unknown, message: string): Error {
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(message, { cause: error }), { code, errno, syscall });
}
