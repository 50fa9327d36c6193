/** What this process and this machine hold now, to be compared with what they hold later. Linux: proc(5). */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Names and how often each occurs. */
export type Census = ReadonlyMap<string, number>;

/** What outlives a process. */
export interface Machine {
  /** Entries of /dev/shm. */
  readonly sharedMemory: readonly string[];
  /** System V segments, semaphore sets and queues, as `shm 123`. */
  readonly systemV: readonly string[];
}

export function lookAtMachine(): Machine {
  return { sharedMemory: list('/dev/shm'), systemV: ['shm', 'sem', 'msg'].flatMap(systemV) };
}

function systemV(kind: string): string[] {
  return tableOf(kind).map((columns) => `${kind} ${columns[1]}`);
}

/** Rows of columns. The second column is the id. */
function tableOf(kind: string): string[][] {
  let table: string;
  try {
    table = readFileSync(`/proc/sysvipc/${kind}`, 'latin1');
  } catch {
    return []; // A kernel without System V IPC.
  }
  // The first line is the heading.
  return table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

/** Columns of /proc/sysvipc that name processes: of segments creator and last user, of queues last sender and receiver. */
const USERS = { shm: [4, 5], msg: [5, 6] } as const;

/**
 * True when no process of `own` has used a System V object, such as `shm 123`: other tests run at the same time, and
 * leave behind what they later clear away. A queue through which nothing ever went counts as theirs, since the kernel
 * does not tell who made it. A set of semaphores of which the same is true counts as one's own.
 */
export function isForeignObject(object: string, own: ReadonlySet<number>): boolean {
  const [kind = '', id = ''] = object.split(' ');
  const users = kind === 'sem' ? usersOfSemaphores(id).filter((pid) => pid > 0) : usersOf(kind as 'shm' | 'msg', id);
  return users.length > 0 && !users.some((pid) => own.has(pid));
}

function usersOf(kind: 'shm' | 'msg', id: string): number[] {
  const columns = tableOf(kind).find((row) => row[1] === id);
  return columns === undefined ? [] : USERS[kind].map((column) => Number(columns[column]));
}

/** Who last worked on each semaphore; none where ipcs(1) is missing, which asks the kernel (semctl(2), GETPID). */
function usersOfSemaphores(id: string): number[] {
  const { stdout } = spawnSync('ipcs', ['-s', '-i', id], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  // Rows of: semnum value ncount zcount pid
  return [...(stdout ?? '').matchAll(/^(?:\s*\d+){4}\s+(\d+)\s*$/gm)].map(([, pid]) => Number(pid));
}

/** Open descriptors of this process by what they are (`socket`, `anon_inode:[eventfd]`, a path …), not by number. */
export function descriptors(): Census {
  const kinds: string[] = [];
  for (const fd of list('/proc/self/fd')) {
    try {
      // Inodes tell one socket from the next, which is of no interest here.
      kinds.push(readlinkSync(`/proc/self/fd/${fd}`).replace(/^(socket|pipe):\[\d+\]$/, '$1'));
    } catch {
      // The descriptor by which the folder itself was read.
    }
  }
  return count(kinds);
}

/** Shared mappings of this process that a transport could have made: memfds, /dev/shm, System V segments. */
export function mappings(): Census {
  const lines = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return count(lines.map((line) => line.slice(73)).filter((path) => /^\/(memfd:|dev\/shm\/|SYSV)/.test(path)));
}

/** Timers and other things that keep this event loop alive. */
export function timers(): Census {
  return count(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || kind === 'Immediate'));
}

/**
 * True when the /dev/shm entry is somebody else's: a process other than `own` has it mapped, or it is named after the
 * folder of another suite, which lies beside `scratch`.
 */
export function isForeign(entry: string, own: ReadonlySet<number>, scratch: string): boolean {
  const [beside, mine] = [dirname(scratch), basename(scratch)];
  const kin = mine.slice(0, mine.lastIndexOf('-') + 1);
  if (list(beside).some((name) => name !== mine && name.startsWith(kin) && entry.includes(name))) return true;
  return list('/proc').some((pid) => {
    if (!/^\d+$/.test(pid) || own.has(Number(pid))) return false;
    try {
      return readFileSync(`/proc/${pid}/maps`, 'latin1').includes(` /dev/shm/${entry}`);
    } catch {
      return false; // It has gone in the meantime, or belongs to somebody else.
    }
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function count(names: readonly string[]): Census {
  const census = new Map<string, number>();
  for (const name of names) census.set(name, (census.get(name) ?? 0) + 1);
  return census;
}

/** What there is more of now than before, as lines to be read. */
export function surplus(before: Census, now: Census): string[] {
  const lines: string[] = [];
  for (const [name, many] of now) {
    const was = before.get(name) ?? 0;
    if (many > was) lines.push(`${name}: ${was} before, ${many} now`);
  }
  return lines;
}
