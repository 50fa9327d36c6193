import { readFileSync } from 'node:fs';

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
