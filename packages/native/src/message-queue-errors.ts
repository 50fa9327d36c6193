import { readFileSync } from 'node:fs';

/** The largest key. */
export const KEY_BITS = 0xffff_ffff;

const fallback = { msgmax: 8192, msgmnb: 16_384, msgmni: 32_000 } as const;

/** A limit of the system for message queues: bytes of a message, bytes of a queue, number of queues. Source: proc(5). */
export function limit(name: keyof typeof fallback): number {
  try {
    return Number(readFileSync(`/proc/sys/kernel/${name}`, 'latin1')) || fallback[name];
  } catch {
    return fallback[name];
  }
}

/** A row of the kernel's table of queues. */
export interface QueueRow {
  readonly key: number;
  readonly id: number;
  readonly mode: number;
  readonly uid: number;
  readonly messages: number;
}

/** All queues of the system, whosever they are. Source: proc(5), /proc/sysvipc. */
export function queueRows(): readonly QueueRow[] {
  let table: string;
  try {
    table = readFileSync('/proc/sysvipc/msg', 'latin1');
  } catch {
    return [];
  }
  return table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => {
      // key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime
      const field = line.trim().split(/\s+/);
      const number = (at: number): number => Number(field[at] ?? 0);
      return {
        key: number(0) >>> 0,
        id: number(1),
        mode: Number.parseInt(field[2] ?? '0', 8) & 0o777,
        messages: number(4),
        uid: number(7),
      };
    });
}

/** A system error of msgget(2), with what a person needs to know. */
export function explain(error: unknown, key: number, name: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const which = name === undefined ? `of key 0x${key.toString(16)}` : `"${name}" (key 0x${key.toString(16)})`;
  const words = wordsFor((error as NodeJS.ErrnoException).code, which, key);
  if (words !== undefined) error.message = `${error.message}: ${words}`;
  return error;
}

function wordsFor(code: string | undefined, which: string, key: number): string | undefined {
  const there = queueRows().find((row) => row.key === key);
  const whose = there === undefined ? 'somebody else' : `uid ${there.uid}, with mode 0${there.mode.toString(8)}`;
  switch (code) {
    case 'ENOSPC':
      return `all ${limit('msgmni')} message queues that this system may have are in use. "ipcs -q" lists them, "ipcrm -q <id>" removes one that nobody needs, and the sysctl kernel.msgmni raises the number`;
    case 'EACCES':
      return `the message queue ${which} belongs to ${whose}, and uid ${process.geteuid?.()} may not use it. Choose another key or name, or ask its owner`;
    case 'EEXIST':
      return `there is a message queue ${which} already; it belongs to ${whose}`;
    case 'ENOENT':
      return `there is no message queue ${which}; is the program that makes it running?`;
    default:
      return undefined;
  }
}
