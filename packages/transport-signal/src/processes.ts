/** What /proc tells of a process. Source: proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStatus {
  readonly uid: number;
  readonly gid: number;
  /** Masks of signals; number n is bit n-1. Pending for the whole process; blocked, ignored, caught by the main thread. */
  readonly pending: bigint;
  readonly blocked: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
}

/** When a process began, in clock ticks after the system did: with the pid, it names a process for good. Undefined when there is none. */
export function startOf(pid: number): bigint | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses, in which anything can be; the 22nd is wanted.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return BigInt(fields[19] ?? 0);
}

export function statusOf(pid: number): ProcessStatus | undefined {
  const text = readProc(`/proc/${pid}/status`);
  if (text === undefined) return undefined;
  const line = (name: string): string => new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(text)?.[1] ?? '0';
  const mask = (name: string): bigint => BigInt(`0x${line(name)}`);
  return {
    uid: Number(line('Uid')),
    gid: Number(line('Gid')),
    pending: mask('ShdPnd'),
    blocked: mask('SigBlk'),
    ignored: mask('SigIgn'),
    caught: mask('SigCgt'),
  };
}

/**
 * Whether a thread of the process sleeps in sigtimedwait(2). While it does, the kernel shows as not blocked what it
 * waits for, and gives it to that thread instead of doing what would be done by default.
 */
export function waitsForSignals(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((tid) =>
      readProc(`/proc/${pid}/task/${tid}/wchan`)?.includes('sigtimedwait'),
    );
  } catch {
    return false;
  }
}

export function maskHas(mask: bigint, signal: number): boolean {
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
