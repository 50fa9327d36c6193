import { fstatSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '../errors/index.js';
import { badAddress } from './address.js';
import type { Address } from './contract.js';

/** How long, in ms, to wait for another server that is about to bind at the same place: it takes a few, unless stopped. */
const LOCK_PATIENCE_MS = 2000;
const LOCK_RETRY_MS = 5;

/** Socket files at which this thread listens. */
const served = new Set<string>();

/** Whether a blocking client of this path would wait for its own thread. */
export function isServedHere(path: string): boolean {
  return served.has(path);
}

/** Notes that this thread listens at a path. Returns what undoes it. */
export function servePath(path: string): () => void {
  served.add(path);
  return () => void served.delete(path);
}

/** What kind of file a server is met at. */
export interface MeetingFile {
  /** What it should be, in words: `socket`. */
  readonly word: string;
  is(stat: Stats): boolean;
  /** Its time of change tells it from a later one of the same inode number; a fifo's changes with every write. */
  readonly keepsTime: boolean;
}

const socketFile: MeetingFile = { word: 'socket', is: (stat) => stat.isSocket(), keepsTime: true };

/** What it takes to bind a socket to a file. Bound are both: the descriptor, and the file that names it. */
export interface SocketBinder<T> {
  /** @default a socket */
  readonly kind?: MeetingFile;
  /** An exclusive lock on a file, made when missing; null when somebody holds it. Undefined: goes without. */
  readonly lock: ((path: string) => FileLock | null) | undefined;
  /** Whether a server answers at the path. Throws a system error when that cannot be told. */
  inUse(path: string): boolean | Promise<boolean>;
  /** Binds and listens. Throws a system error; EADDRINUSE when the file exists. */
  bind(path: string): T | Promise<T>;
}

export interface FileLock {
  /** The open descriptor. */
  readonly value: number;
  close(): void;
}

export interface BoundSocket<T> {
  readonly bound: T;
  readonly shared: false;
  /** Removes the file, if it is still the one that was made. Call it before the socket is closed. Never throws. */
  remove(): void;
}

/**
 * Binds a server's socket to a file. A socket file that a dead server left behind is taken over; one that is in use is
 * not touched (ALREADY_EXISTS, ADDRESS_IN_USE), nor is anything that is not a socket.
 *
 * Two servers that start at once must not take each other's fresh socket for a stale one, so that all of this happens
 * under a lock: on a file beside the socket's, which is removed again, and which a dead holder lets go of.
 */
export async function bindSocketFile<T>(
  address: Address,
  path: string,
  binder: SocketBinder<T>,
): Promise<BoundSocket<T>> {
  const doing = `cannot listen at ${address.url}`;
  const unlock = await lock(address, path, binder);
  try {
    await removeStale(address, path, binder);
    const bound = await binder.bind(path);
    const made = statOf(path);
    const unserve = servePath(path);
    return {
      bound,
      shared: false,
      remove: () => {
        unserve();
        const there = statOf(path);
        const same = binder.kind?.keepsTime === false ? sameInode : sameFile;
        if (there !== undefined && made !== undefined && same(there, made)) removeQuietly(path);
      },
    };
  } catch (error) {
    throw fromErrno(error, doing);
  } finally {
    unlock();
  }
}

async function removeStale<T>(address: Address, path: string, binder: SocketBinder<T>): Promise<void> {
  const found = statOf(path);
  if (found === undefined) return;
  const inUse = (why: string): RpcError =>
    new RpcError('ALREADY_EXISTS', `cannot listen at ${address.url}: ${why}`, {
      reason: Reason.ADDRESS_IN_USE,
      failed: 'channel',
    });
  const { is, word } = binder.kind ?? socketFile;
  if (!is(found)) throw inUse(`${path} is ${describeFile(found)}, not a ${word}; it was left as it is`);
  if (await binder.inUse(path)) throw inUse(`${path} is in use by another server`);
  unlinkSync(path);
}

/** Returns how to unlock. */
async function lock<T>(address: Address, path: string, binder: SocketBinder<T>): Promise<() => void> {
  const take = binder.lock;
  if (take === undefined) return () => undefined;
  const file = `${path}.lock`;
  for (const until = performance.now() + LOCK_PATIENCE_MS; performance.now() < until; await setTimeout(LOCK_RETRY_MS)) {
    let held: FileLock | null;
    try {
      held = take(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') throw badAddress(address.url, `there is no directory for ${path}`);
      throw fromErrno(error, `cannot listen at ${address.url}`);
    }
    if (held === null) continue;
    const locked = held;
    // The last holder removed its file: a lock on one that has no name any more keeps nobody out.
    const named = statOf(file);
    if (named !== undefined && sameFile(named, fstatSync(locked.value))) {
      return () => {
        removeQuietly(file);
        locked.close();
      };
    }
    locked.close();
  }
  throw new RpcError('UNAVAILABLE', `cannot listen at ${address.url}: another server holds the lock on ${file}`, {
    reason: Reason.ADDRESS_IN_USE,
    failed: 'channel',
  });
}

/** Undefined when nothing is there. A symbolic link is not followed. */
function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Inode numbers are used again, so a file made later under the same number is told by its time. */
function sameFile(one: Stats, other: Stats): boolean {
  return sameInode(one, other) && one.mtimeMs === other.mtimeMs;
}

/** Enough while the one that was made is still open: its number is not used again before. */
function sameInode(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or no longer ours to remove.
  }
}

/** What is at a path where a socket should be, in words. */
export function describeFile(stat: Stats): string {
  if (stat.isSocket()) return 'a socket';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isFIFO()) return 'a fifo';
  if (stat.isFile()) return 'a regular file';
  return 'a device';
}
