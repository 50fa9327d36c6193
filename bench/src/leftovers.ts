import { readdirSync, readFileSync } from 'node:fs';

/** What a run has left behind, one line each. For tests: every program of a run names its scratch directory. */
export function leftoversOf(temporaryDir: string): string[] {
  const files = readdirSync(temporaryDir, { recursive: true }).map((name) => `file ${name}`);
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => [pid, commandLine(pid)] as const)
    .filter(([, command]) => command.includes(temporaryDir))
    .map(([pid, command]) => `process ${pid}: ${command}`);
  return [...files, ...processes];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // it ended meanwhile
  }
}
