import { fchmodSync, fstatSync, lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { badAddress, type Deadline } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { type Identity, lives, sameThread } from './life.js';
import type { ResolvedMqOptions } from './options.js';
import type { Place } from './place.js';
import { getMailbox } from './queues.js';

/** Somebody who uses a mailbox. */
export interface Member extends Identity {
  /** `former`: a server that takes no more, and still has links. */
  readonly role: 'server' | 'client' | 'former';
  /** The queue in which he is reached. */
  readonly box: number;
}

/** The file that stands beside a mailbox: who uses it, and so whether anybody does. */
export interface Roster {
  readonly key: number;
  /** The kernel's number of the mailbox. */
  readonly queue: number;
  readonly persistent: boolean;
  /** Whether the mailbox was made for this roster; what was there before is nobody's to remove. */
  readonly made: boolean;
  /** Servers that were found dead so far. */
  readonly deaths: number;
  readonly members: readonly Member[];
}

/** How long, in ms, to wait for somebody else who has the roster in hand: microseconds, unless he was stopped. */
const PATIENCE_MS = 2000;
const RETRY_MS = 2;

/** Without the lock: what it was a moment ago. Undefined when there is none. */
export function readRoster(place: Place): Roster | undefined {
  try {
    const roster = JSON.parse(readFileSync(place.roster, 'utf8')) as Roster;
    return Array.isArray(roster.members) && Number.isInteger(roster.queue) ? roster : undefined;
  } catch {
    return undefined;
  }
}

/** Servers that live. */
export function serversIn(roster: Roster | undefined): readonly Member[] {
  return roster === undefined ? [] : roster.members.filter((member) => member.role === 'server' && lives(member));
}

/**
 * Enters somebody, and makes the mailbox if it falls to him. What dead members left behind is removed. Throws RpcError
 * UNAVAILABLE (UNREACHABLE) for a client of a mailbox that nobody serves.
 */
export function enter(native: NativeAddon, place: Place, options: ResolvedMqOptions, member: Member): Roster {
  let roster = withoutTheDead(native, readRoster(place));
  if (roster !== undefined && roster.members.length === 0 && !roster.persistent) {
    dissolve(native, place, roster);
    roster = undefined;
  }
  if (roster !== undefined && !queueIsThere(native, roster)) roster = undefined;
  const served = roster?.members.some(({ role }) => role === 'server') ?? false;
  if (member.role === 'client' && !served && !(roster?.persistent ?? options.persistent)) throw nobodyServes(place);
  if (roster === undefined) {
    const { id, made } = getMailbox(native, place, options);
    roster = { key: place.key, queue: id, persistent: options.persistent, made, deaths: 0, members: [] };
  }
  const entered = { ...roster, members: [...roster.members, member] };
  write(place, entered, options.mode);
  return entered;
}

/** Takes somebody out; who is the last removes the mailbox, unless it is persistent and has messages. */
export function depart(native: NativeAddon, place: Place, options: ResolvedMqOptions, box: number): void {
  const roster = withoutTheDead(native, readRoster(place), box);
  if (roster === undefined) return;
  if (roster.members.length > 0 || (roster.persistent && keeps(native, roster))) write(place, roster, options.mode);
  else dissolve(native, place, roster);
}

export function nobodyServes(place: Place): RpcError {
  const words = `cannot connect to ${place.url}: no server takes from this mailbox; is it running? (With the option persistent, messages wait for one.)`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel' });
}

/** Their boxes go with them: nobody else would remove those. */
function withoutTheDead(native: NativeAddon, roster: Roster | undefined, leaving?: number): Roster | undefined {
  if (roster === undefined) return undefined;
  let { deaths } = roster;
  const members = roster.members.filter((member) => {
    if (member.box === leaving) return false;
    if (lives(member)) return true;
    removeQueue(native, member.box);
    if (member.role !== 'client') deaths++;
    return false;
  });
  return { ...roster, members, deaths };
}

export function removeQueue(native: NativeAddon, id: number): void {
  const queue = native.attachMessageQueue(id);
  try {
    // A number is used again at last: what has a key is no box.
    if (native.messageQueueStatus(queue).key === 0) native.removeMessageQueue(queue);
  } catch {
    // Gone already, or not ours to remove.
  }
  queue.close();
}

function queueIsThere(native: NativeAddon, roster: Roster): boolean {
  const queue = native.attachMessageQueue(roster.queue);
  try {
    return native.messageQueueStatus(queue).key === roster.key;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  } finally {
    queue.close();
  }
}

function keeps(native: NativeAddon, roster: Roster): boolean {
  const queue = native.attachMessageQueue(roster.queue);
  try {
    return native.messageQueueStatus(queue).messages > 0;
  } catch {
    return false;
  } finally {
    queue.close();
  }
}

function dissolve(native: NativeAddon, place: Place, roster: Roster): void {
  if (roster.made && queueIsThere(native, roster)) {
    const queue = native.attachMessageQueue(roster.queue);
    try {
      native.removeMessageQueue(queue);
    } catch {
      // Somebody else's by now.
    }
    queue.close();
  }
  removeQuietly(place.roster);
}

function write(place: Place, roster: Roster, mode: number): void {
  const fresh = `${place.roster}.new`;
  writeFileSync(fresh, `${JSON.stringify(roster, null, 1)}\n`, { mode });
  renameSync(fresh, place.roster);
}

/** Runs `body` while nobody else changes the roster. */
export async function withLock<T>(native: NativeAddon, place: Place, mode: number, body: () => T): Promise<T> {
  for (const until = performance.now() + PATIENCE_MS; ; await setTimeout(RETRY_MS)) {
    const unlock = tryLock(native, place, mode);
    if (unlock !== undefined) return run(place, body, unlock);
    if (performance.now() > until) throw lockedOut(place);
  }
}

/** As withLock, blocking the thread. */
export function withLockSync<T>(
  native: NativeAddon,
  place: Place,
  mode: number,
  body: () => T,
  deadline: Deadline = Number.POSITIVE_INFINITY,
): T {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Math.min(performance.now() + PATIENCE_MS, deadline); ; Atomics.wait(pause, 0, 0, RETRY_MS)) {
    const unlock = tryLock(native, place, mode);
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

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

export function isMember(roster: Roster | undefined, identity: Identity): boolean {
  return roster?.members.some((member) => sameThread(member, identity)) ?? false;
}

/** Gives a member another role. */
export function become(place: Place, options: ResolvedMqOptions, box: number, role: Member['role']): void {
  const roster = readRoster(place);
  if (roster === undefined) return;
  const members = roster.members.map((member) => (member.box === box ? { ...member, role } : member));
  write(place, { ...roster, members }, options.mode);
}
