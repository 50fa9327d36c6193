import { fstatSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  type Deadline,
  type Link,
  meetingPath,
  selfDeadlock,
  type TransportOptions,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { requireAddon } from './addon.js';
import { type Announcement, LONGEST_ANNOUNCEMENT, parseAnnouncement } from './announcement.js';
import { isAnnouncedHere } from './listen.js';
import { describeSignal, isNotifying, SIGNAL_WORDS } from './numbers.js';
import { resolveSignalOptions, type SignalOptions } from './options.js';
import { maskHas, type ProcessStatus, startOf, statusOf, waitsForSignals } from './processes.js';
import { SendLink } from './send-link.js';

/**
 * Looks, a millisecond apart, before a process counts as one that would be killed by what it has announced: while a
 * thread of it is on its way into sigtimedwait(2), nothing shows that it will take the signal.
 */
const LOOKS = 20;
const LOOK_MS = 1;

const rest = new Int32Array(new SharedArrayBuffer(4));

/** Nothing but that is waited for: the announcement is there or not. */
export async function connect(
  address: Address,
  options: TransportOptions,
  _deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  for (let looks = 1; ; looks++) {
    signal?.throwIfAborted();
    try {
      return open(address, options);
    } catch (error) {
      if (!(error instanceof WouldBeKilled)) throw error;
      if (looks === LOOKS) throw error.told;
    }
    await setTimeout(LOOK_MS);
  }
}

export function connectSync(address: Address, options: TransportOptions, _deadline: Deadline): Link {
  if (isAnnouncedHere(meetingPath(address, ''))) throw selfDeadlock(address.url);
  for (let looks = 1; ; looks++) {
    try {
      return open(address, options);
    } catch (error) {
      if (!(error instanceof WouldBeKilled)) throw error;
      if (looks === LOOKS) throw error.told;
    }
    Atomics.wait(rest, 0, 0, LOOK_MS);
  }
}

/** As far as one look shows. */
class WouldBeKilled extends Error {
  readonly told: RpcError;

  constructor(told: RpcError) {
    super(told.message);
    this.told = told;
  }
}

/** Finds who has announced himself, and makes sure that it is he, that he receives, and that he would not be killed by it. */
function open(address: Address, options: TransportOptions): Link {
  resolveSignalOptions(options as SignalOptions);
  const addon = requireAddon();
  const path = meetingPath(address, '');
  const opened: Fd[] = [];
  const keep = (fd: Fd): Fd => {
    opened.push(fd);
    return fd;
  };
  try {
    const guard = keep(openGuard(addon, address, path));
    const announcement = read(addon, address, path, guard);
    const { pid, signals } = announcement;
    const process = keep(openProcess(addon, address, pid));
    const status = identify(address, announcement);
    checkWriter(address, path, announcement, status, guard);
    checkReceives(addon, address, announcement, status);
    checkMaySend(addon, address, announcement, status, process, guard);
    const { uid, gid } = status;
    const peer = Object.freeze({ address: address.url, credentials: Object.freeze({ pid, uid, gid }) });
    return new SendLink({ addon, process, guard, pid, peer, signals, range: addon.realTimeSignals() });
  } catch (error) {
    for (const fd of opened) fd.close();
    throw error;
  }
}

function openGuard(addon: NativeAddon, address: Address, path: string): Fd {
  try {
    return addon.openGuard(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw nobody(address, `no process has announced itself (there is no ${path})`, error);
    throw fromErrno(error, `cannot connect to ${address.url}: the announcement can't be read`);
  }
}

function read(addon: NativeAddon, address: Address, path: string, guard: Fd): Announcement {
  const bytes = Buffer.alloc(LONGEST_ANNOUNCEMENT);
  let length = 0;
  try {
    for (let count = 1; count > 0 && length < bytes.length; length += Math.max(0, count)) {
      count = addon.read(guard, bytes, length, bytes.length);
    }
  } catch (error) {
    throw fromErrno(error, `cannot connect to ${address.url}: ${path} is no announcement`);
  }
  const found = parseAnnouncement(bytes.toString('utf8', 0, length));
  if (typeof found === 'string') throw nobody(address, `${path} is no announcement: ${found}`);
  if (addon.isGuardHeld(guard)) return found;
  throw nobody(address, `process ${found.pid}, which has announced itself in ${path}, has ended or stopped listening`);
}

function openProcess(addon: NativeAddon, address: Address, pid: number): Fd {
  try {
    return addon.openProcess(pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
      throw nobody(address, `process ${pid}, which has announced itself, has ended`, error);
    }
    throw fromErrno(error, `cannot connect to ${address.url}`);
  }
}

/** The pid is pinned by now: if the process behind it began when it says, it is the one that wrote the announcement. */
function identify(address: Address, { pid, start }: Announcement): ProcessStatus {
  const began = startOf(pid);
  const status = statusOf(pid);
  if (began === undefined || status === undefined) {
    throw nobody(address, `process ${pid}, which has announced itself, has ended`);
  }
  if (began !== start) {
    const words = `process ${pid}, which has announced itself, has ended, and its pid belongs to another process now (which began at tick ${began}, not ${start}); it was sent nothing`;
    throw nobody(address, words);
  }
  return status;
}

/** Who can write an announcement in another's name could have him sent signals. */
function checkWriter(address: Address, path: string, { pid }: Announcement, { uid }: ProcessStatus, guard: Fd): void {
  const owner = fstatSync(guard.value).uid;
  if (owner === uid || owner === 0) return;
  const words = `cannot connect to ${address.url}: ${path} belongs to uid ${owner}, and process ${pid}, which it announces, to uid ${uid}: it has not announced itself`;
  throw new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel' });
}

/** A signal that is neither handled nor blocked would end the process. */
function checkReceives(addon: NativeAddon, address: Address, announcement: Announcement, status: ProcessStatus): void {
  const range = addon.realTimeSignals();
  for (const { signal, path } of announcement.signals) {
    const words = `process ${announcement.pid} has announced ${describeSignal(signal, range)} for ${path}`;
    if (!isNotifying(signal, range))
      throw nobody(address, `${words}, by which nobody is notified: ${SIGNAL_WORDS} are for that`);
    if (maskHas(status.ignored, signal)) throw nobody(address, `${words}, but ignores it`);
    const safe = maskHas(status.caught, signal) || maskHas(status.blocked, signal) || waitsForSignals(announcement.pid);
    if (!safe) {
      throw new WouldBeKilled(
        nobody(address, `${words}, but neither handles nor blocks it: it would be killed by it. It was sent nothing`),
      );
    }
  }
}

function checkMaySend(
  addon: NativeAddon,
  address: Address,
  { pid }: Announcement,
  status: ProcessStatus,
  process: Fd,
  guard: Fd,
): void {
  try {
    addon.sendSignal(process, guard, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPERM') {
      const own = globalThis.process.geteuid?.();
      const words = `cannot connect to ${address.url}: this process (uid ${own}) may not send signals to process ${pid} (uid ${status.uid}): both must belong to the same user, or the sender to root`;
      throw new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel', cause: error });
    }
    throw nobody(address, `process ${pid}, which has announced itself, has ended or stopped listening`, error);
  }
}

function nobody(address: Address, words: string, cause?: unknown): RpcError {
  return new RpcError('UNAVAILABLE', `cannot connect to ${address.url}: ${words}`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
    cause,
  });
}
