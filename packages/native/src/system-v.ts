/** What System V IPC has in common: keys, and what the system says of them. Sources: sysvipc(7), proc(5). */
import { readFileSync, statfsSync, statSync } from 'node:fs';
import { messageQueueKey } from './message-queue.js';

/** `if-missing` makes it unless it is there, `exclusive` fails with EEXIST when it is, `never` with ENOENT when it is not. */
export type Create = 'if-missing' | 'exclusive' | 'never';

/** Which System V object: a key that programs have agreed on, or a name, of which a key is made: the same one everywhere. */
export type KeyOrName =
  | { /** From 1 to 2^32-1. */ readonly key: number; readonly name?: never }
  | { readonly name: string; readonly key?: never };

/** As the kernel has it: signed. Two names may meet in one key: what is found under it is to be checked. */
export function keyOf({ key, name }: KeyOrName): number {
  if (name !== undefined) return messageQueueKey(name) | 0;
  if (Number.isInteger(key) && key > 0 && key < 2 ** 32) return key | 0;
  throw new RangeError(`key: expected a whole number from 1 to 4294967295, found ${String(key)}`);
}

/** As ipcs(1) writes it. */
export function hexKey(key: number): string {
  return `0x${(key >>> 0).toString(16).padStart(8, '0')}`;
}

export function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}

/** The flags of the addon. */
export function createFlags(create: Create): number {
  return { never: 0, 'if-missing': 1, exclusive: 3 }[create];
}

/** One line of /proc/sysvipc/{shm,sem,msg}, which tells of everybody's objects, whatever their mode. */
export interface KernelObject {
  readonly key: number;
  readonly id: number;
  /** Permission bits. */
  readonly mode: number;
  /** Creator's, as far as it is a segment. */
  readonly pid: number | undefined;
  readonly uid: number;
  /** Of a segment: bytes. Of a set: semaphores. */
  readonly size: number;
}

export function kernelObjects(kind: 'shm' | 'sem'): readonly KernelObject[] {
  let lines: string[];
  try {
    lines = readFileSync(`/proc/sysvipc/${kind}`, 'latin1').trim().split('\n');
  } catch {
    return [];
  }
  const columns = lines[0]!.trim().split(/\s+/);
  const at = (name: string) => columns.indexOf(name);
  const [pid, size, uid] = [at('cpid'), at(kind === 'shm' ? 'size' : 'nsems'), at('cuid')];
  return lines.slice(1).map((line) => {
    const words = line.trim().split(/\s+/);
    return {
      key: Number(words[0]),
      id: Number(words[1]),
      mode: Number.parseInt(words[2]!, 8) & 0o777,
      pid: pid === -1 ? undefined : Number(words[pid]),
      uid: Number(words[uid]),
      size: Number(words[size]),
    };
  });
}

/** Numbers of a file of /proc/sys/kernel; none where it cannot be read. */
export function kernelLimits(name: 'sem' | 'shmmni' | 'shmall' | 'shmmax'): readonly number[] {
  try {
    return readFileSync(`/proc/sys/kernel/${name}`, 'latin1').trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** Bytes that are free in /dev/shm. */
export function freeInDevShm(): number {
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize;
}

/** Owner and mode of a POSIX object, which is a file of /dev/shm; undefined when it cannot be seen. */
export function posixObject(file: string): { readonly uid: number; readonly mode: number } | undefined {
  try {
    const { uid, mode } = statSync(`/dev/shm/${file}`);
    return { uid, mode: mode & 0o777 };
  } catch {
    return undefined;
  }
}

/** The same system error with words that say more: `shmget 0x00001234: ENOSPC (…)`. */
export function inWords(error: unknown, subject: string, words: string): Error {
  const { syscall, code, errno } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(`${syscall} ${subject}: ${code} (${words})`, { cause: error }), {
    code,
    errno,
    syscall,
  });
}

/** An error of ours, shaped as the system's. */
export function systemError(syscall: string, code: string, errno: number, subject: string, words: string): Error {
  return Object.assign(new Error(`${syscall} ${subject}: ${code} (${words})`), { code, errno: -errno, syscall });
}

/** A name for shm_open(3) and sem_open(3): `/name`, whether or not the slash was written. */
export function posixName(name: string): string {
  const bare = name.startsWith('/') ? name.slice(1) : name;
  if (/^[^/\0]{1,240}$/.test(bare) && bare !== '.' && bare !== '..') return `/${bare}`;
  throw new RangeError(
    `name: expected 1 to 240 characters without a slash (one may stand in front), found ${JSON.stringify(name)}`,
  );
}
