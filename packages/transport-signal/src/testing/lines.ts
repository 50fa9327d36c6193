import { readdirSync, readFileSync, writeSync } from 'node:fs';

/** A line of JSON on the standard output, at once, whatever comes after. */
export function say(what: unknown): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

/** The signals that the threads of this process block, as /proc has them; without those that block all. */
export function threadMasks(): string[] {
  const masks = readdirSync('/proc/self/task').map(
    (tid) => /^SigBlk:\s*(\w+)/m.exec(readFileSync(`/proc/self/task/${tid}/status`, 'utf8'))?.[1] ?? '',
  );
  return [...new Set(masks.filter((mask) => !mask.startsWith('ffff')))].sort();
}
