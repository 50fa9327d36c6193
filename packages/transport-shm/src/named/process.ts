import { readFileSync } from 'node:fs';
import type { Fd, NativeAddon } from '@callgate/native';

/**
 * When a process began, in ticks since the system did: with its pid, it names a process for ever. Undefined when there is
 * none of that pid (zombies have ended). Source: proc(5), /proc/pid/stat, fields 3 and 22.
 */
export function startTime(pid: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the program's name, which may contain anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

/** Writes this process's pid-and-start at a place of three words, or two without the pid. */
export function writeStart(words: Int32Array, at: number): void {
  const start = startTime(process.pid) ?? 0;
  words[at] = start | 0;
  words[at + 1] = Math.floor(start / 2 ** 32);
}

export function readStart(words: Int32Array, at: number): number {
  return (words[at]! >>> 0) + words[at + 1]! * 2 ** 32;
}

/** True when the very process still runs, and not another that got its number. */
export function isAlive(pid: number, start: number): boolean {
  return pid > 0 && startTime(pid) === start;
}

/** True when it is certain that the process has ended. `start` 0: it has not said yet when it began. */
export function isDead(pid: number, start: number): boolean {
  const found = startTime(pid);
  return found === undefined || (start !== 0 && found !== start);
}

/**
 * A descriptor that tells when the process ends; null for this very one. Throws ESRCH when it has ended already, or when its
 * number is another process's now.
 */
export function watchedProcess(addon: NativeAddon, pid: number, start: number): Fd | null {
  if (pid === process.pid) return null;
  const fd = addon.openProcess(pid);
  // Looked at after it was opened: were the process gone by now, the descriptor would still be the old one's.
  if (isAlive(pid, start)) return fd;
  fd.close();
  throw Object.assign(new Error(`pidfd_open ${pid}: ESRCH (that process has ended; its number may be another's now)`), {
    code: 'ESRCH',
    errno: -3,
    syscall: 'pidfd_open',
  });
}
