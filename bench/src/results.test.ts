import { expect, test } from 'vitest';
import { judge, type Sample, summarise } from './results.js';

function sample(subject: string, round: number, p50Us: number): Sample {
  return {
    scenario: 'unary-sync',
    subject,
    round,
    p50Us,
    p99Us: 2 * p50Us,
    perSecond: 1e6 / p50Us,
    calls: 1000,
    cpuUsPerCall: 1,
    rssMiB: 50,
  };
}

test('a row holds the median of its rounds', () => {
  const rows = summarise([sample('shm', 0, 1), sample('unix', 0, 8), sample('shm', 1, 3), sample('shm', 2, 2)]);
  expect(rows.map(({ subject, p50Us, p99Us }) => [subject, p50Us, p99Us])).toEqual([
    ['shm', 2, 4],
    ['unix', 8, 16],
  ]);
});

test('a goal is judged by the median of the ratios within each round', () => {
  const goal = { scenario: 'unary-sync', field: 'p50Us', over: 'shm', under: 'bare-shm', atMost: 4 } as const;
  const samples = [
    [1, 0.5],
    [3, 1],
    [10, 1],
  ].flatMap(([shm = 0, bare = 0], round) => [sample('shm', round, shm), sample('bare-shm', round, bare)]);
  expect(judge(goal, samples)).toEqual({ goal, ratio: 3, met: true });
  expect(judge({ ...goal, atMost: 2 }, samples).met).toBe(false);
});

test('a goal that was not measured is not met', () => {
  const goal = { scenario: 'unary-sync', field: 'p50Us', over: 'shm', under: 'bare-shm', atMost: 4 } as const;
  expect(judge(goal, [sample('shm', 0, 1)])).toEqual({ goal, ratio: Number.NaN, met: false });
});
