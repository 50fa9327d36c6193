import { setTimeout as delay } from 'node:timers/promises';
import type { Children } from '../children.js';
import { startPair } from '../pair.js';
import type { NodeSubject } from '../subject.js';
import { usageOf } from '../usage.js';

/** CPU that connected processes used while nobody called. */
export interface IdleRow {
  readonly subject: string;
  readonly mode: 'sync' | 'async';
  readonly seconds: number;
  /** Of the client's process and, where it has its own, the server's: growth of utime + stime, in ticks of 10 ms. */
  readonly clientTicks: number;
  readonly serverTicks: number | null;
  /** At most one tick each. */
  readonly met: boolean;
}

/** Start-up leaves work behind (compilation, collection): so many seconds pass before the first look. */
const settleSeconds = 2;

/** Connects each subject in each mode that it has, all at once, lets them idle, and reads what they used. */
export async function measureIdle(
  children: Children,
  subjects: readonly NodeSubject[],
  seconds: number,
): Promise<IdleRow[]> {
  const cells = subjects.flatMap((subject) => [
    ...(subject.connectSync ? [{ subject, mode: 'sync' as const }] : []),
    ...(subject.connect ? [{ subject, mode: 'async' as const }] : []),
  ]);
  const pairs = await Promise.all(
    cells.map(async ({ subject, mode }) => {
      const pair = await startPair(children, subject, { kind: 'idle', mode });
      const pids = JSON.parse(await pair.client.nextLine()) as number[];
      return { pair, pids };
    }),
  );
  await delay(settleSeconds * 1000);
  const read = () => pairs.map(({ pids }) => pids.map((pid) => usageOf(pid).cpuTicks));
  const before = read();
  await delay(seconds * 1000);
  const after = read();
  await Promise.all(pairs.map(({ pair }) => pair.stop()));
  return cells.map(({ subject, mode }, i) => {
    const grown = after[i]!.map((ticks, j) => ticks - before[i]![j]!);
    const [clientTicks = 0, serverTicks = null] = grown;
    return { subject: subject.name, mode, seconds, clientTicks, serverTicks, met: grown.every((ticks) => ticks <= 1) };
  });
}
