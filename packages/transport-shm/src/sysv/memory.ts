/**
 * Memory that has a key: shmget(2), with semaphores of semget(2). The place of a key is a segment and a set of five semaphores:
 * four for its bell, and one that the server holds with SEM_UNDO, which the kernel gives back when it dies. A
 * link's segment and its set have no key: the numbers of both are told at the place. The segment is marked for removal as
 * soon as both ends have it; a set can't be, so it is removed by the end that closes or survives.
 */
import { badAddress } from '@callgate/core/transport';
import {
  hexKey,
  keyOf,
  type NativeAddon,
  type NativeSemaphore,
  segmentInWords,
  setInWords,
  systemError,
} from '@callgate/native';
import { BELL_AT, LONGEST_NAME, PLACE_MAGIC } from '../named/layout.js';
import type { LinkMemory, Maker, Mechanism, Place } from '../named/mechanism.js';

const CREATE = 1;
const EXCLUSIVE = 3;
const PRIVATE = 0;
const PLACE_SEMAPHORES = 5;
const LINK_SEMAPHORES = 4;
/** The number of the semaphore that a server holds, within the set of its place. */
const SERVER = 4;

export const sysvMemory: Mechanism = {
  scheme: 'shm+sysv',

  placeName(path, url) {
    if (Buffer.byteLength(path) > LONGEST_NAME)
      throw badAddress(url, `expected a name of at most ${LONGEST_NAME} bytes`);
    if (/^0[xX]|^\d+$/.test(path)) {
      const key = Number(path);
      if (Number.isInteger(key) && key > 0 && key < 2 ** 32) return hexKey(key);
      throw badAddress(url, `expected a key from 1 to 4294967295 (0xffffffff), or a name; found "${path}"`);
    }
    return path;
  },

  makePlace(addon, name, bytes, options, sweep) {
    const key = keyOfPlace(name);
    let set: number;
    let held: NativeSemaphore;
    try {
      // Each begins with 1: of a bell, that is one ring in vain.
      set = addon.getSysvSemaphores(key, PLACE_SEMAPHORES, options.mode, CREATE, 1);
      const { usedAtS, count } = addon.statSysvSemaphores(set);
      if (count !== PLACE_SEMAPHORES) throw strangersSet(key, count);
      if (usedAtS === 0) return null;
      held = addon.openSysvSemaphore(set, SERVER, true, false);
    } catch (error) {
      if (isGone(error)) return null;
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') throw strangersSet(key, undefined);
      throw setInWords(error, key);
    }
    try {
      if (!held.acquire(0)) throw systemError('semop', 'EADDRINUSE', 98, hexKey(key), 'another server uses this key');
      const old = segmentOf(addon, key);
      if (old !== undefined) clearAway(addon, key, old, sweep);
      const id = addon.getSysvMemory(key, bytes, options.mode, EXCLUSIVE);
      return place(addon, id, set, held);
    } catch (error) {
      held.close();
      if (isGone(error)) return null;
      throw segmentInWords(error, key, bytes);
    }
  },

  findPlace(addon, name) {
    const key = keyOfPlace(name);
    let id: number;
    let set: number;
    try {
      id = addon.getSysvMemory(key, 0, 0, 0);
    } catch (error) {
      throw segmentInWords(error, key, 0);
    }
    try {
      set = addon.getSysvSemaphores(key, PLACE_SEMAPHORES, 0, 0, 0);
      const server = addon.openSysvSemaphore(set, SERVER, false, false);
      const free = server.value() !== 0;
      server.close();
      if (free) {
        const words = 'nobody listens there: its server has died, and the next one will clear it away';
        throw systemError('semctl', 'ECONNREFUSED', 111, hexKey(key), words);
      }
    } catch (error) {
      if (isGone(error)) {
        throw systemError('semctl', 'ECONNREFUSED', 111, hexKey(key), 'the server there has just stopped listening');
      }
      throw setInWords(error, key);
    }
    return place(addon, id, set, undefined);
  },

  makeMemory(addon, _name, bytes, mode) {
    let id: number;
    try {
      id = addon.getSysvMemory(PRIVATE, bytes, mode, CREATE);
    } catch (error) {
      throw segmentInWords(error, PRIVATE, bytes);
    }
    let set = -1;
    try {
      set = addon.getSysvSemaphores(PRIVATE, LINK_SEMAPHORES, mode, CREATE, 0);
      return memory(addon, id, set);
    } catch (error) {
      addon.removeSysvMemory(id);
      if (set !== -1) addon.removeSysvSemaphores(set);
      throw setInWords(error, PRIVATE);
    }
  },

  openMemory(addon, _name, [id, set], bytes) {
    const status = addon.statSysvMemory(id);
    if (status.bytes !== bytes) {
      const words = `the segment has ${status.bytes} bytes; expected ${bytes}`;
      throw systemError('shmat', 'EINVAL', 22, String(id), words);
    }
    return memory(addon, id, set);
  },

  discardMemory(addon, _name, [id, set]) {
    if (id > 0) quietly(() => isOurs(addon.statSysvMemory(id)) && addon.removeSysvMemory(id));
    if (set > 0) sysvMemory.discardSemaphores(addon, set);
  },

  discardSemaphores(addon, set) {
    quietly(() => {
      const status = addon.statSysvSemaphores(set);
      if (isOurs(status) && status.count === LINK_SEMAPHORES) addon.removeSysvSemaphores(set);
    });
  },
};

/** A number stands for itself, any other name for the number that is made of it. */
function keyOfPlace(name: string): number {
  return keyOf(/^0x[0-9a-f]{8}$/.test(name) ? { key: Number(name) } : { name: `callgate:${name}` });
}

function segmentOf(addon: NativeAddon, key: number): number | undefined {
  try {
    return addon.getSysvMemory(key, 0, 0, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes the segment of a dead server: the caller holds its semaphore, so none is alive. */
function clearAway(addon: NativeAddon, key: number, id: number, sweep: (old: ArrayBuffer) => void): void {
  const { bytes, uid, creatorPid } = addon.statSysvMemory(id);
  const mapping = addon.attachSysvMemory(id);
  try {
    if (bytes < 4096 || new Int32Array(mapping.buffer, 0, 1)[0] !== PLACE_MAGIC) {
      const words = `a segment of ${bytes} bytes that was not made by Callgate has this key; it is of uid ${uid} (process ${creatorPid}) and was left as it is`;
      throw systemError('shmget', 'EADDRINUSE', 98, hexKey(key), words);
    }
    if (uid !== process.geteuid!()) {
      const words = `a dead server's segment has this key; it is of uid ${uid}, and was left to that user to remove`;
      throw systemError('shmget', 'EADDRINUSE', 98, hexKey(key), words);
    }
    sweep(mapping.buffer);
  } finally {
    mapping.close();
  }
  addon.removeSysvMemory(id);
}

function place(addon: NativeAddon, id: number, set: number, held: NativeSemaphore | undefined): Place {
  const mapping = addon.attachSysvMemory(id);
  let open = true;
  return {
    mapping,
    maker: () => maker(addon, id),
    bell: (end) => addon.createSysvBell(id, BELL_AT, end, set, null),
    close: () => {
      if (!open) return;
      open = false;
      if (held !== undefined) {
        quietly(() => addon.removeSysvMemory(id));
        quietly(() => addon.removeSysvSemaphores(set));
        held.close();
      }
      mapping.close();
    },
  };
}

function memory(addon: NativeAddon, id: number, set: number): LinkMemory {
  const mapping = addon.attachSysvMemory(id);
  let linked = true;
  return {
    reference: [id, set],
    mapping,
    maker: () => maker(addon, id),
    bell: (end, peer) => addon.createSysvBell(id, BELL_AT, end, set, peer),
    unlink: () => {
      if (linked) quietly(() => addon.removeSysvMemory(id));
      linked = false;
    },
    removeSemaphores: () => quietly(() => addon.removeSysvSemaphores(set)),
    close: () => undefined,
  };
}

/** The kernel knows which process made a segment. */
function maker(addon: NativeAddon, id: number): Maker {
  const { uid, gid, creatorPid } = addon.statSysvMemory(id);
  return { pid: creatorPid, uid, gid, pidIsTold: false };
}

function isOurs({ uid }: { readonly uid: number }): boolean {
  return uid === process.geteuid!();
}

function isGone(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (
    code === 'EIDRM' || (code === 'EINVAL' && (syscall === 'semop' || syscall === 'semctl' || syscall === 'shmctl'))
  );
}

function strangersSet(key: number, count: number | undefined): Error {
  const has = count === undefined ? 'a smaller set' : `a set of ${count} semaphores`;
  const words = `${has} that was not made by Callgate has this key; it was left as it is`;
  return systemError('semget', 'EADDRINUSE', 98, hexKey(key), words);
}

/** Somebody else was quicker, or it is somebody else's: then it is the other end's to remove. */
function quietly(action: () => unknown): void {
  try {
    action();
  } catch {
    // As above.
  }
}
