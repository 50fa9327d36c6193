import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the kernel says of one process. */
export interface Usage {
  /** utime + stime in clock ticks of 10 ms: all threads, dead ones too. */
  readonly cpuTicks: number;
  /** Resident memory, shared pages included. */
  readonly rssMiB: number;
}

/** Clock ticks per second. Linux has had 100 on every architecture since 2.6; sysconf(_SC_CLK_TCK). */
export const ticksPerSecond = 100;
const pageBytes = 4096;

/** Source: proc_pid_stat(5), fields 14, 15 and 24. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the name in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    rssMiB: (Number(fields[21]) * pageBytes) / 2 ** 20,
  };
}

/** The sum over several processes. */
export function usageOfAll(pids: readonly number[]): Usage {
  const all = pids.map(usageOf);
  return {
    cpuTicks: all.reduce((sum, one) => sum + one.cpuTicks, 0),
    rssMiB: all.reduce((sum, one) => sum + one.rssMiB, 0),
  };
}

/** Memory that a process has for itself, and memory that it has mapped to share it, in KiB. */
export interface Footprint {
  /** Private_Clean + Private_Dirty of what is not meant to be shared. */
  readonly privateKiB: number;
  /** Resident pages of memfds, of /dev/shm and of System V segments, whoever else has them. */
  readonly sharedKiB: number;
}

/** Source: proc_pid_smaps(5). Not smaps_rollup, which counts a ring that only one side has touched yet as private. */
export function footprintOf(pid: number): Footprint {
  let [privateKiB, sharedKiB, shares] = [0, 0, false];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) shares = /\/(memfd:|dev\/shm\/|SYSV)/.test(line);
    else if (shares && line.startsWith('Rss:')) sharedKiB += Number.parseInt(line.slice(4), 10);
    else if (!shares && line.startsWith('Private_'))
      privateKiB += Number.parseInt(line.slice(line.indexOf(':') + 1), 10);
  }
  return { privateKiB, sharedKiB };
}

/** Has the engine give up what nobody can reach: what is left is what a process needs. */
export function collectGarbage(): void {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
}
