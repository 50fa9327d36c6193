/**
 * Memory that has a name: shm_open(3), with POSIX semaphores inside. The place of `shm+posix:geo` is /dev/shm/callgate-geo; a
 * link's memory is /dev/shm/callgate-geo+<number> until both ends have it.
 *
 * A server holds a lock on its place, which the kernel lets go of with it: a place that can be locked is a dead server's.
 */
import { randomInt } from 'node:crypto';
import { fstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { badAddress } from '@callgate/core/transport';
import { type Fd, isWhole, type NativeAddon, posixInWords, systemError } from '@callgate/native';
import { BELL_AT, PLACE_MAGIC } from '../named/layout.js';
import type { LinkMemory, Maker, Mechanism, Place } from '../named/mechanism.js';
import type { ResolvedNamedOptions } from '../named/options.js';

/** Longest time, in ms, that a server takes from making its place to saying so in it. */
const MAKING_MS = 200;

export const posixMemory: Mechanism = {
  scheme: 'shm+posix',

  placeName(path, url) {
    const name = path.startsWith('/') ? path.slice(1) : path;
    if (/^[A-Za-z0-9._-]{1,200}$/.test(name)) return name;
    const expected =
      'a name of 1 to 200 letters, digits, ".", "_" and "-", as shm_open(3) has it (a "/" may stand in front)';
    throw badAddress(url, `expected ${expected}; found "${path}"`);
  },

  makePlace(addon, name, bytes, options, sweep) {
    const object = `/callgate-${name}`;
    let made: Fd;
    try {
      made = addon.createPosixMemory(object, bytes, options.mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw posixInWords(error, object, bytes);
      clearAway(addon, name, object, sweep);
      return null;
    }
    // Another who came at the same time may have taken it for a dead one's.
    if (addon.lockOpenFile(made, true) && isAt(object, made)) return place(addon, object, made, bytes, true);
    made.close();
    return null;
  },

  findPlace(addon, name, options) {
    const object = `/callgate-${name}`;
    const fd = open(addon, object, options, true);
    try {
      if (addon.lockOpenFile(fd, false)) {
        const words = 'nobody listens there: its server has died, and the next one will clear it away';
        throw systemError('shm_open', 'ECONNREFUSED', 111, object, words);
      }
      return place(addon, object, fd, addon.fdBytes(fd), false);
    } catch (error) {
      fd.close();
      throw error;
    }
  },

  makeMemory(addon, name, bytes, mode) {
    for (;;) {
      const number = randomInt(1, 2 ** 31);
      const object = nameOf(name, number);
      try {
        return memory(addon, object, number, addon.createPosixMemory(object, bytes, mode), bytes, true);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw posixInWords(error, object, bytes);
      }
    }
  },

  openMemory(addon, name, [number], bytes, options) {
    const object = nameOf(name, number);
    return memory(addon, object, number, open(addon, object, options, false), bytes, false);
  },

  discardMemory(addon, name, [number]) {
    if (number !== 0) unlinkQuietly(addon, nameOf(name, number));
  },

  discardSemaphores() {
    // They are in the memory.
  },
};

function nameOf(place: string, number: number): string {
  return `/callgate-${place}+${number}`;
}

/** Opens what somebody made. Its owner could shrink it, which kills whoever touches what is missing then. */
function open(addon: NativeAddon, object: string, options: ResolvedNamedOptions, rootToo: boolean): Fd {
  let fd: Fd;
  try {
    fd = addon.openPosixMemory(object);
  } catch (error) {
    throw posixInWords(error, object, 0);
  }
  const { uid } = fstatSync(fd.value);
  const trusted = options.allow?.uid === undefined ? [] : [options.allow.uid].flat();
  if (uid === process.geteuid!() || (rootToo && uid === 0) || trusted.includes(uid)) return fd;
  fd.close();
  throw systemError(
    'shm_open',
    'EACCES',
    13,
    object,
    `it belongs to uid ${uid}, who could shrink it and kill this process with it; this process has uid ${process.geteuid!()}. Name those whom you trust: allow: { uid: [${uid}] }`,
  );
}

/** Removes the place of a dead server; throws EADDRINUSE when its server lives or it is something else. */
function clearAway(addon: NativeAddon, name: string, object: string, sweep: (old: ArrayBuffer) => void): void {
  let fd: Fd;
  try {
    fd = addon.openPosixMemory(object);
  } catch (error) {
    // Gone in the meantime, or not whole yet.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || (code === 'EACCES' && statOf(object)?.mode === 0)) return;
    throw posixInWords(error, object, 0);
  }
  try {
    const { uid } = fstatSync(fd.value);
    const bytes = addon.fdBytes(fd);
    if (!isWhole(fd)) return;
    if (uid !== process.geteuid!()) {
      throw systemError('shm_open', 'EADDRINUSE', 98, object, `it belongs to uid ${uid}; it was left as it is`);
    }
    if (!addon.lockOpenFile(fd, true)) {
      throw systemError('shm_open', 'EADDRINUSE', 98, object, 'another server uses it');
    }
    // Whoever held the lock until now may have removed it.
    if (!isAt(object, fd)) return;
    const mapping = bytes > 0 ? addon.mapShared(fd, bytes) : undefined;
    try {
      const magic = bytes >= 4 ? new Int32Array(mapping!.buffer, 0, 1)[0] : 0;
      if (magic === 0 && bytes > 0 && isYoung(fd)) return;
      if (magic !== PLACE_MAGIC && magic !== 0) {
        const words = `an object of ${bytes} bytes that was not made by Callgate; it was left as it is`;
        throw systemError('shm_open', 'EADDRINUSE', 98, object, words);
      }
      if (magic !== 0) sweep(mapping!.buffer);
    } finally {
      mapping?.close();
    }
    discardUnmet(addon, name);
    addon.unlinkPosixMemory(object);
  } finally {
    fd.close();
  }
}

function place(addon: NativeAddon, object: string, fd: Fd, bytes: number, server: boolean): Place {
  const mapping = addon.mapShared(fd, bytes);
  return {
    mapping,
    maker: (told) => maker(fd, told),
    bell: (end) => addon.createPosixBell(fd, BELL_AT, end, end === 1, null),
    close: () => {
      if (fd.value === -1) return;
      // Still locked: nobody can have put another in its place.
      if (server && isAt(object, fd)) unlinkQuietly(addon, object);
      mapping.close();
      fd.close();
    },
  };
}

function memory(addon: NativeAddon, object: string, number: number, fd: Fd, bytes: number, fresh: boolean): LinkMemory {
  try {
    let linked = true;
    return {
      reference: [number, 0],
      mapping: addon.mapShared(fd, bytes),
      maker: (told) => maker(fd, told),
      bell: (end, peer) => addon.createPosixBell(fd, BELL_AT, end, fresh, peer),
      unlink: () => {
        if (linked) unlinkQuietly(addon, object);
        linked = false;
        // The mapping keeps the memory.
        fd.close();
      },
      removeSemaphores: () => undefined,
      close: () => fd.close(),
    };
  } catch (error) {
    fd.close();
    if (fresh) unlinkQuietly(addon, object);
    throw error;
  }
}

/** The kernel knows of an object whose it is, and not which process made it. */
function maker(fd: Fd, told: number): Maker {
  const { uid, gid } = fstatSync(fd.value);
  const found = statSync(`/proc/${told}`, { throwIfNoEntry: false });
  if (found !== undefined && found.uid !== uid && found.uid !== 0) {
    const words = `the peer says that it is this process, which is of uid ${found.uid}; its memory is of uid ${uid}`;
    throw systemError('stat', 'EACCES', 13, `/proc/${told}`, words);
  }
  return { pid: told, uid, gid, pidIsTold: true };
}

/** Names of memory that was to become a link's, made by processes that have not lived to hand it over. */
function discardUnmet(addon: NativeAddon, name: string): void {
  const prefix = `callgate-${name}+`;
  for (const entry of readdirSync('/dev/shm')) {
    if (entry.startsWith(prefix) && /^\d+$/.test(entry.slice(prefix.length))) unlinkQuietly(addon, `/${entry}`);
  }
}

function unlinkQuietly(addon: NativeAddon, object: string): void {
  try {
    addon.unlinkPosixMemory(object);
  } catch {
    // Another user's: the other end unlinks it.
  }
}

function statOf(object: string): Stats | undefined {
  return statSync(`/dev/shm${object}`, { throwIfNoEntry: false });
}

/** Its maker is still about to say what it is. */
function isYoung(fd: Fd): boolean {
  return Date.now() - fstatSync(fd.value).mtimeMs < MAKING_MS;
}

function isAt(object: string, fd: Fd): boolean {
  const named = statOf(object);
  const { dev, ino } = fstatSync(fd.value);
  return named !== undefined && named.dev === dev && named.ino === ino;
}
