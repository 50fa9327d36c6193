import { fstatSync } from 'node:fs';
import type { Fd, Mapping } from './addon.js';
import { loadAddon } from './load.js';
import {
  type Create,
  createFlags,
  freeInDevShm,
  hexKey,
  inWords,
  type KeyOrName,
  kernelLimits,
  kernelObjects,
  keyOf,
  octal,
  posixName,
  posixObject,
  systemError,
} from './system-v.js';

/**
 * Memory that processes share.
 *
 * - `memfd`: without a name; another process gets it as a descriptor. Sealed: nobody can shrink it. Gone with its last user.
 * - `posix`: found by name (shm_open(3), a file of /dev/shm). Stays until `unlink`, whoever dies. Whoever can open it can
 *   also shrink it, and the next touch of what is missing kills by SIGBUS: share it only with whom you trust.
 * - `system-v`: found by key (shmget(2)). Stays until `unlink`. Nobody can shrink it.
 */
export type SharedMemoryOptions = {
  /** Bytes, 1 to 2^32-1. */
  readonly bytes: number;
} & (
  | { readonly kind: 'memfd'; readonly name?: string }
  | ({ readonly kind: 'posix'; readonly name: string } & NamedOptions)
  | ({ readonly kind: 'system-v' } & KeyOrName & NamedOptions)
);

interface NamedOptions {
  /** `if-missing` makes it unless it is there, `exclusive` fails with EEXIST when it is, `never` with ENOENT when not. @default 'if-missing' */
  readonly create?: Create;
  /** Permission bits of what is made, whatever the umask. @default 0o600 */
  readonly mode?: number;
}

/** Who made it, by the kernel's word. `pid` only for System V. */
export interface SharedMemoryOwner {
  readonly uid: number;
  readonly mode: number;
  readonly pid: number | undefined;
}

export interface SharedMemory {
  readonly kind: SharedMemoryOptions['kind'];
  readonly bytes: number;
  /** The memory; detached by `close`. New memory is zero. */
  readonly buffer: ArrayBuffer;
  /** This call made it; false: it was there. */
  readonly created: boolean;
  readonly owner: SharedMemoryOwner;
  /** The descriptor of `memfd` and `posix`; -1 for System V and once closed. */
  readonly fd: Fd | undefined;
  /** The id of System V, as ipcs(1) shows it; undefined for the others. */
  readonly id: number | undefined;
  /** Removes the name or marks the segment for removal: nobody finds it any more, who has it keeps it. Idempotent. */
  unlink(): void;
  /** Takes it out of this process's memory. Does not unlink. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes or opens shared memory. Throws a system error (`code`, `errno`, `syscall`) in words: ENOENT, EEXIST; EACCES, with the
 * owner; EINVAL, when what is there has another size; ENOSPC, saying how much is needed, how much is free, and where, or
 * which limit is reached. Memory that was made is really there: touching it never fails for want of room.
 *
 * Sources: memfd_create(2), shm_open(3), posix_fallocate(3), shmget(2).
 */
export function createSharedMemory(options: SharedMemoryOptions): SharedMemory {
  if (options.kind === 'memfd') return anonymous(options.name ?? 'shared-memory', options.bytes);
  const { bytes, create = 'if-missing', mode = 0o600 } = options;
  return options.kind === 'posix'
    ? posix(posixName(options.name), bytes, create, mode)
    : systemV(keyOf(options), bytes, create, mode);
}

function anonymous(name: string, bytes: number): SharedMemory {
  const addon = loadAddon();
  const fd = addon.createMemfd(name, bytes);
  const owner = { uid: process.geteuid!(), mode: 0o600, pid: process.pid };
  return handle({ kind: 'memfd', fd, id: undefined, mapping: addon.mapMemfd(fd, bytes), created: true, owner });
}

function posix(name: string, bytes: number, create: Create, mode: number): SharedMemory {
  const addon = loadAddon();
  const { fd, created } = openPosix(name, bytes, create, mode);
  try {
    const found = addon.fdBytes(fd);
    const owner = posixObject(name.slice(1)) ?? { uid: process.geteuid!(), mode };
    if (found !== bytes) {
      const words = `an object of ${found} bytes is there already, made by uid ${owner.uid}; ${bytes} bytes were asked for`;
      throw systemError('shm_open', 'EINVAL', 22, name, words);
    }
    const unlink = (): void => void addon.unlinkPosixMemory(name);
    const mapping = addon.mapShared(fd, bytes);
    return handle({ kind: 'posix', fd, id: undefined, mapping, created, owner: { ...owner, pid: undefined }, unlink });
  } catch (error) {
    fd.close();
    throw error;
  }
}

function openPosix(name: string, bytes: number, create: Create, mode: number): { fd: Fd; created: boolean } {
  const addon = loadAddon();
  // Whoever makes it and whoever opens it may come at the same time: each may find it there, and gone a moment later.
  for (let tries = 0; ; tries++) {
    try {
      if (create !== 'never') return { fd: addon.createPosixMemory(name, bytes, mode), created: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || create === 'exclusive') {
        throw posixInWords(error, name, bytes);
      }
    }
    let found: Fd | undefined;
    try {
      found = addon.openPosixMemory(name);
      if (isWhole(found)) return { fd: found, created: false };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const gone = code === 'ENOENT' && create === 'if-missing';
      const made = code === 'EACCES' && posixObject(name.slice(1))?.mode === 0;
      if (!(gone || made) || tries >= MAKING_TRIES) throw posixInWords(error, name, bytes);
    }
    found?.close();
    if (tries >= MAKING_TRIES) {
      const words = 'the object has mode 0: its maker seems to have died before it was whole; remove it';
      throw systemError('shm_open', 'ETIMEDOUT', 110, name, words);
    }
    Atomics.wait(rest, 0, 0, 1);
  }
}

/** How often, a ms apart, to look whether an object that is being made has become whole. */
const MAKING_TRIES = 1000;
const rest = new Int32Array(new SharedArrayBuffer(4));

/** The addon gives an object its mode when it has its size and its memory. */
export function isWhole(fd: Fd): boolean {
  return (fstatSync(fd.value).mode & 0o777) !== 0;
}

/** What went wrong with an object of POSIX shared memory, for those who open it by the addon themselves, too. */
export function posixInWords(error: unknown, name: string, bytes: number): unknown {
  const owner = posixObject(name.slice(1));
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
      return inWords(
        error,
        name,
        `${bytes} bytes are needed and ${freeInDevShm()} are free in /dev/shm; remove what is not needed there, or let it grow (mount -o remount,size=…)`,
      );
    case 'ENOENT':
      return inWords(error, name, `there is no such object: /dev/shm${name} does not exist`);
    case 'EEXIST':
      return inWords(error, name, `there is one already, made by uid ${owner?.uid}`);
    case 'EACCES':
      if (owner === undefined) return error;
      return inWords(
        error,
        name,
        `it belongs to uid ${owner.uid} and has mode ${octal(owner.mode)}; this process has uid ${process.geteuid!()}`,
      );
    default:
      return error;
  }
}

function systemV(key: number, bytes: number, create: Create, mode: number): SharedMemory {
  const addon = loadAddon();
  const before =
    create === 'if-missing' ? kernelObjects('shm').some((segment) => segment.key === key) : create === 'never';
  let id: number;
  try {
    id = addon.getSysvMemory(key, bytes, mode, createFlags(create));
  } catch (error) {
    throw segmentInWords(error, key, bytes);
  }
  const status = addon.statSysvMemory(id);
  if (status.bytes !== bytes) {
    const words = `a segment of ${status.bytes} bytes has this key already, made by uid ${status.uid} (process ${status.creatorPid}); ${bytes} bytes were asked for`;
    throw systemError('shmget', 'EINVAL', 22, hexKey(key), words);
  }
  return handle({
    kind: 'system-v',
    fd: undefined,
    id,
    mapping: addon.attachSysvMemory(id),
    created: !before && status.creatorPid === process.pid,
    owner: { uid: status.uid, mode: status.mode, pid: status.creatorPid },
    unlink: () => void addon.removeSysvMemory(id),
  });
}

/** What went wrong with a System V segment, for those who get one by the addon themselves, too. */
export function segmentInWords(error: unknown, key: number, bytes: number): unknown {
  const subject = hexKey(key);
  const found = key === 0 ? undefined : kernelObjects('shm').find((segment) => segment.key === key);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return inWords(error, subject, 'no segment has this key');
    case 'EEXIST':
      return inWords(
        error,
        subject,
        `a segment has this key already, made by uid ${found?.uid} (process ${found?.pid})`,
      );
    case 'EACCES':
      if (found === undefined) return error;
      return inWords(
        error,
        subject,
        `a segment of uid ${found.uid} has this key, with mode ${octal(found.mode)}; this process has uid ${process.geteuid!()}`,
      );
    case 'EINVAL': {
      if (found !== undefined) {
        const words = `a segment of ${found.size} bytes has this key already, made by uid ${found.uid} (process ${found.pid}); ${bytes} bytes were asked for`;
        return inWords(error, subject, words);
      }
      return inWords(
        error,
        subject,
        `${bytes} bytes; the system allows at most ${kernelLimits('shmmax')[0]} (kernel.shmmax)`,
      );
    }
    case 'ENOSPC': {
      const [most = 0] = kernelLimits('shmmni');
      const many = kernelObjects('shm').length;
      const clear = 'remove those that nobody needs (ipcs -m, ipcrm -m ID) or raise the limit';
      return inWords(
        error,
        subject,
        many >= most
          ? `all ${most} segments that the system allows (kernel.shmmni) are there; ${clear}`
          : `${bytes} bytes are needed, and the system's limit for all segments together (kernel.shmall, ${kernelLimits('shmall')[0]} pages) is reached; ${clear}`,
      );
    }
    case 'ENOMEM':
      return inWords(error, subject, `the system has no ${bytes} bytes of memory left for it`);
    default:
      return error;
  }
}

interface Parts {
  readonly kind: SharedMemory['kind'];
  readonly fd: Fd | undefined;
  readonly id: number | undefined;
  readonly mapping: Mapping;
  readonly created: boolean;
  readonly owner: SharedMemoryOwner;
  readonly unlink?: () => void;
}

function handle({ mapping, unlink, ...parts }: Parts): SharedMemory {
  let linked = true;
  const close = (): void => {
    mapping.close();
    parts.fd?.close();
  };
  return Object.freeze<SharedMemory>({
    ...parts,
    bytes: mapping.buffer.byteLength,
    buffer: mapping.buffer,
    unlink: () => {
      if (linked) unlink?.();
      linked = false;
    },
    close,
    [Symbol.dispose]: close,
  });
}
