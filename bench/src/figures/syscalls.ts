import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPair } from '../cell.js';
import type { Children } from '../children.js';
import type { NodeSubject } from '../subject.js';

/** System calls of client and server together, counted by strace. */
export interface SyscallRow {
  readonly subject: string;
  /** Calls in the long run, beyond those of the short one. */
  readonly calls: number;
  /** Of the short run: start-up and the end. */
  readonly startUp: number;
  /** Beyond start-up: the difference of the two runs. */
  readonly syscalls: number;
  /** The commonest of them, most first, such as `futex 120`. */
  readonly commonest: readonly string[];
  readonly met: boolean;
}

/** Few, so that start-up is nearly all of it; what the engine does to compile the road of a call counts against the goal. */
const shortRun = 1000;
const calls = 100_000;
const most = 1000;

export function straceIsThere(): boolean {
  return spawnSync('strace', ['-V']).status === 0;
}

/**
 * Counts the system calls of blocking calls, in a short and in a long run, each in fresh processes and `rounds` times.
 * The row is the round whose difference is the median.
 */
export async function countSyscalls(children: Children, subject: NodeSubject, rounds: number): Promise<SyscallRow> {
  const tries: SyscallRow[] = [];
  for (let round = 0; round < rounds; round++) {
    const short = await run(children, subject, shortRun);
    const long = await run(children, subject, shortRun + calls);
    const syscalls = total(long) - total(short);
    const commonest = [...long]
      .map(([name, count]) => [name, count - (short.get(name) ?? 0)] as const)
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 5)
      .map(([name, count]) => `${name} ${count}`);
    // Far fewer in the long run than in the short one: then something else had the processors.
    const met = Math.abs(syscalls) < most;
    tries.push({ subject: subject.name, calls, startUp: total(short), syscalls, commonest, met });
  }
  return tries.sort((a, b) => a.syscalls - b.syscalls)[rounds >> 1]!;
}

async function run(children: Children, subject: NodeSubject, count: number): Promise<Map<string, number>> {
  const file = (part: string) => join(children.dir, `strace-${subject.name}-${count}-${part}`);
  const wrap = (part: string) => ['strace', '-f', '-c', '-o', file(part)];
  const pair = await startPair(children, subject, { kind: 'count', calls: count }, wrap);
  const done = Number(await pair.client.nextLine());
  if (done !== count) throw new Error(`${subject.name}: made ${done} of ${count} calls`);
  await pair.stop();
  const parts = subject.home === 'process' ? ['server', 'client'] : ['client'];
  const counts = new Map<string, number>();
  for (const part of parts) {
    for (const [name, n] of parse(readFileSync(file(part), 'utf8'))) counts.set(name, (counts.get(name) ?? 0) + n);
  }
  return counts;
}

/** Lines of strace -c: `% time, seconds, usecs/call, calls, [errors,] syscall`. Source: strace(1). */
export function parse(text: string): [string, number][] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length >= 5 && /^\d+$/.test(columns[3]!) && columns.at(-1) !== 'total')
    .map((columns) => [columns.at(-1)!, Number(columns[3])]);
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
