import {
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  readFileSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { type Address, badAddress } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { type Announcement, formatAnnouncement, mayReplace, parseAnnouncement } from './announcement.js';

/** How long, in ms, to try for the lock: a sender that looks whether it is held holds it for a moment. */
const PATIENCE_MS = 100;
const RETRY_MS = 2;

export interface Place {
  /** The open file, whose lock this process holds until the descriptor and its duplicates are closed. */
  readonly guard: Fd;
  /** Writes the announcement, for everybody who may read the file. */
  write(announcement: Announcement): void;
  /** Removes the file, if it is still the one that was made. Idempotent, never throws. */
  withdraw(): void;
}

/** Takes the place where an announcement is to be: a new file, or one whose writer is gone. */
export async function announce(addon: NativeAddon, address: Address, path: string, mode: number): Promise<Place> {
  const doing = `cannot listen at ${address.url}`;
  const guard = await lock(addon, address, path, doing);
  try {
    const text = readFileSync(guard.value, 'utf8');
    if (!mayReplace(text)) throw inUse(`${doing}: ${path} is a file that is no announcement; it was left as it is`);
    ftruncateSync(guard.value, 0);
    fchmodSync(guard.value, mode);
  } catch (error) {
    guard.close();
    throw fromErrno(error, doing);
  }
  const made = fstatSync(guard.value);
  let there = true;
  return {
    guard,
    write: (announcement) => void writeSync(guard.value, formatAnnouncement(announcement), 0),
    withdraw: () => {
      const found = there ? statOf(path) : undefined;
      there = false;
      // Its inode number is not used again while it is open here.
      if (found?.dev === made.dev && found.ino === made.ino) removeQuietly(path);
    },
  };
}

async function lock(addon: NativeAddon, address: Address, path: string, doing: string): Promise<Fd> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await setTimeout(RETRY_MS)) {
    const guard = tryLock(addon, address, path, doing);
    if (guard === null) continue;
    // The last holder removed its file: a lock on one that has no name any more keeps nobody out.
    const named = statOf(path);
    const locked = fstatSync(guard.value);
    if (named?.dev === locked.dev && named.ino === locked.ino) return guard;
    guard.close();
  }
  throw inUse(`${doing}: ${holderOf(path)} has announced itself in ${path}`);
}

function tryLock(addon: NativeAddon, address: Address, path: string, doing: string): Fd | null {
  const found = statOf(path);
  if (found !== undefined && !found.isFile()) {
    throw inUse(`${doing}: ${path} is no regular file; it was left as it is`);
  }
  try {
    return addon.lockFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw badAddress(address.url, `there is no directory for ${path}`);
    }
    throw fromErrno(error, doing);
  }
}

function holderOf(path: string): string {
  try {
    const found = parseAnnouncement(readFileSync(path, 'utf8'));
    return typeof found === 'string' ? 'another process' : `process ${found.pid}`;
  } catch {
    return 'another process';
  }
}

function inUse(words: string): RpcError {
  return new RpcError('ALREADY_EXISTS', words, { reason: Reason.ADDRESS_IN_USE, failed: 'channel' });
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or no longer ours to remove.
  }
}
