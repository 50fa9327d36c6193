import {
  accessSync,
  chmodSync,
  constants,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { Reason, RpcError } from '@callgate/core/errors';
import type { NativeAddon } from '@callgate/native';
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
  /** Permissions of all that belongs to the mailbox, as who made it wanted them: queues, and the files beside it. */
  readonly mode: number;
  /** Whether the mailbox was made for this roster; what was there before is nobody's to remove. */
  readonly made: boolean;
  /** Servers that were found dead so far. */
  readonly deaths: number;
  readonly members: readonly Member[];
}

/** Without the lock: what it was a moment ago. Undefined when there is none. */
export function readRoster(place: Place): Roster | undefined {
  try {
    const roster = JSON.parse(readFileSync(place.roster, 'utf8')) as Roster;
    return Array.isArray(roster.members) && Number.isInteger(roster.queue) && Number.isInteger(roster.mode)
      ? roster
      : undefined;
  } catch {
    return undefined;
  }
}

/** Throws PERMISSION_DENIED where a mailbox is another user's, who did not let this one in. */
export function refuseStrangers(place: Place): void {
  try {
    accessSync(place.roster, constants.R_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return;
    const { uid = -1, mode = 0 } = statSync(place.roster, { throwIfNoEntry: false }) ?? {};
    const whose = uid < 0 ? '' : ` is of uid ${uid}, and its mode 0${(mode & 0o777).toString(8)}`;
    const words = `cannot use ${place.url}: the mailbox${whose} keeps uid ${process.geteuid?.()} out; let its maker set the option mode`;
    throw new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel', cause: error });
  }
}

/** The permissions that a mailbox has, or would get from these options. */
export function modeOf(place: Place, options: { readonly mode: number }): number {
  return readRoster(place)?.mode ?? options.mode;
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
    roster = {
      key: place.key,
      queue: id,
      persistent: options.persistent,
      mode: options.mode,
      made,
      deaths: 0,
      members: [],
    };
  }
  const entered = { ...roster, members: [...roster.members, member] };
  write(place, entered);
  return entered;
}

/** Takes somebody out; who is the last removes the mailbox, unless it is persistent and has messages. */
export function depart(native: NativeAddon, place: Place, box: number): void {
  const roster = withoutTheDead(native, readRoster(place), box);
  if (roster === undefined) return;
  if (roster.members.length > 0 || (roster.persistent && keeps(native, roster))) write(place, roster);
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

function write(place: Place, roster: Roster): void {
  const fresh = `${place.roster}.new`;
  writeFileSync(fresh, `${JSON.stringify(roster, null, 1)}\n`, { mode: 0o600 });
  // Whoever writes it, and whatever his umask takes away: others must be able to read it.
  chmodSync(fresh, roster.mode);
  renameSync(fresh, place.roster);
}

export function isMember(roster: Roster | undefined, identity: Identity): boolean {
  return roster?.members.some((member) => sameThread(member, identity)) ?? false;
}

/** Gives a member another role. */
export function become(place: Place, box: number, role: Member['role']): void {
  const roster = readRoster(place);
  if (roster === undefined) return;
  const members = roster.members.map((member) => (member.box === box ? { ...member, role } : member));
  write(place, { ...roster, members });
}

export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}
