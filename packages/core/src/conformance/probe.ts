/** What this process and this machine hold now, to be compared with what they hold later. Linux: proc(5). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
  let table: string;
  try {
    table = readFileSync(`/proc/sysvipc/${kind}`, 'latin1');
  } catch {
    return []; // A kernel without System V IPC.
  }
  // The first line is the heading; the second column the id.
  return table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => `${kind} ${line.trim().split(/\s+/)[1]}`);
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

/** True when a process other than `own` has the /dev/shm entry open or mapped: it is somebody else's. */
export function isForeign(entry: string, own: ReadonlySet<number>): boolean {
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
