import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What this process's descriptors refer to, such as `anon_inode:[eventpoll]` or `socket:[1234]`, by number. */
export function openDescriptors(): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      found.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // The descriptor that listed the folder is gone by now.
    }
  }
  return found;
}

/** How many mappings of memory files with that name this process has. */
export function mappingsOf(name: string): number {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  return maps.split('\n').filter((line) => line.includes(`/memfd:${name} `)).length;
}

/** Octal flags of a descriptor, from the kernel. */
export function descriptorFlags(number: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
  return Number.parseInt(/^flags:\s+(\d+)$/m.exec(info)![1]!, 8);
}

export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
