import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Children } from '../children.js';
import { startPair } from '../pair.js';
import type { NodeSubject } from '../subject.js';

/** System calls of client and server together, counted by strace. */
export interface SyscallRow {
  readonly subject: string;
  readonly calls: number;
  /** During the calls. */
  readonly syscalls: number;
  /** The commonest of them, most first, such as `futex 120`. */
  readonly commonest: readonly string[];
  readonly met: boolean;
}

/**
 * Made before the counting begins: start-up, and the time in which the engine compiles the road of a call, on threads
 * of its own that take the processors from both sides.
 */
const warmUpCalls = 200_000;
const calls = 100_000;
const most = 1000;

export function straceIsThere(): boolean {
  return spawnSync('strace', ['-V']).status === 0;
}

/**
 * Counts the system calls of blocking calls, in fresh processes and `rounds` times. The row is the median round.
 * Throws when strace may not watch them (ptrace(2), kernel.yama.ptrace_scope).
 */
export async function countSyscalls(children: Children, subject: NodeSubject, rounds: number): Promise<SyscallRow> {
  const tries: SyscallRow[] = [];
  for (let round = 0; round < rounds; round++) {
    const counts = [...(await run(children, subject, round))].sort(([, a], [, b]) => b - a);
    const syscalls = counts.reduce((sum, [, count]) => sum + count, 0);
    const commonest = counts.slice(0, 5).map(([name, count]) => `${name} ${count}`);
    tries.push({ subject: subject.name, calls, syscalls, commonest, met: syscalls < most });
  }
  return tries.sort((a, b) => a.syscalls - b.syscalls)[rounds >> 1]!;
}

async function run(children: Children, subject: NodeSubject, round: number): Promise<Map<string, number>> {
  const pair = await startPair(children, subject, { kind: 'count', warmUpCalls, calls });
  await pair.client.nextLine();
  const pids = pair.server === undefined ? [pair.client.pid] : [pair.client.pid, pair.server.pid];
  const tracers = await Promise.all(pids.map((pid) => trace(children, pid, `${subject.name}-${round}-${pid}`)));
  process.kill(pair.client.pid, 'SIGUSR2');
  const done = Number(await pair.client.nextLine());
  if (done !== calls) throw new Error(`${subject.name}: made ${done} of ${calls} calls`);
  const counts = new Map<string, number>();
  for (const tracer of tracers) {
    for (const [name, count] of parse(await tracer.end())) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  await pair.stop();
  return counts;
}

/** Watches a process and all its threads from now on. `end` lets go of it and gives what strace has to say. */
async function trace(children: Children, pid: number, name: string): Promise<{ end(): Promise<string> }> {
  const file = join(children.dir, `strace-${name}`);
  const strace = children.start('strace', ['-q', '-f', '-c', '-o', file, '-p', String(pid)]);
  let over = false;
  void strace.gone.then(() => {
    over = true;
  });
  while (!isTraced(pid)) {
    if (over) throw new Error(`strace could not watch process ${pid}`);
    await delay(5);
  }
  return {
    async end() {
      process.kill(strace.pid, 'SIGINT');
      await strace.gone;
      return readFileSync(file, 'utf8');
    },
  };
}

function isTraced(pid: number): boolean {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.every((task) => !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')));
}

/** Lines of strace -c: `% time, seconds, usecs/call, calls, [errors,] syscall`. Source: strace(1). */
export function parse(text: string): [string, number][] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length >= 5 && /^\d+$/.test(columns[3]!) && columns.at(-1) !== 'total')
    .map((columns) => [columns.at(-1)!, Number(columns[3])]);
}
