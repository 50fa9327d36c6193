import { expect, test } from 'vitest';
import type { Sample } from '../results.js';
import { subjects } from '../subjects/index.js';
import { partsOf } from './describe.js';
import { goalsFor } from './goals.js';
import { type Goal, judge } from './judge.js';

function sample(subject: string, round: number, p50Us: number): Sample {
  const measured = { p50Us, p99Us: 2 * p50Us, p999Us: 3 * p50Us, maxUs: 4 * p50Us, perSecond: 1e6 / p50Us };
  return { scenario: 'unary-sync', subject, round, ...measured, histogram: '', calls: 9, cpuUsPerCall: 1, rssMiB: 5 };
}

const reading = (subject: string) => ({ scenario: 'unary-sync', subject, field: 'p50Us' }) as const;
const beside = (atMost: number): Goal => ({
  title: 'shm beside bare-shm',
  alternatives: [[{ of: reading('shm'), by: reading('bare-shm'), atMost }]],
});

test('a ratio is the median of the ratios within each round', () => {
  const samples = [
    [1, 0.5],
    [3, 1],
    [10, 1],
  ].flatMap(([shm = 0, bare = 0], round) => [sample('shm', round, shm), sample('bare-shm', round, bare)]);
  const outcome = judge(beside(4), samples);
  expect(outcome.met).toBe(true);
  expect(outcome.alternatives[0]![0]!.value).toBe(3);
  expect(partsOf(outcome)).toBe('3 (at most 4)');
  expect(judge(beside(2), samples).met).toBe(false);
});

test('a goal of which a part was not measured is not met', () => {
  const outcome = judge(beside(4), [sample('shm', 0, 1)]);
  expect([outcome.measured, outcome.met]).toEqual([false, false]);
});

test('one alternative is enough, and needs all that it asks', () => {
  const goal: Goal = {
    title: 'either',
    alternatives: [
      [{ of: reading('shm'), atMost: 1 }],
      [
        { of: reading('unix'), by: reading('shm'), atLeast: 2 },
        { of: reading('tcp'), by: reading('shm'), atLeast: 2 },
      ],
    ],
  };
  const of = (shm: number, unix: number, tcp: number) =>
    judge(goal, [sample('shm', 0, shm), sample('unix', 0, unix), sample('tcp', 0, tcp)]);
  expect(of(1, 1, 1).met).toBe(true);
  expect(of(2, 4, 4).met).toBe(true);
  expect(of(2, 4, 3).met).toBe(false);
  expect(partsOf(of(2, 4, 3))).toBe('2 (at most 1); or shm × 2 (at least 2) and shm × 1.5 (at least 2)');
});

test('what a thousand connections cost is judged by the costlier side', () => {
  const crowd = { connections: 1000, busy: 16, idleSeconds: 2, clientTicks: 1, serverTicks: 2, sharedKiB: 70 };
  const cell: Sample = { ...sample('shm', 0, 1), crowd: { ...crowd, clientKiB: 20, serverKiB: 30 } };
  const of = (field: 'idleTicks' | 'privateKiB') =>
    judge({ title: field, alternatives: [[{ of: { ...reading('shm'), field }, atMost: 30 }]] }, [cell]);
  expect(of('idleTicks').alternatives[0]![0]!.value).toBe(3);
  expect(of('privateKiB').alternatives[0]![0]!.value).toBe(30);
});

test('all that goals read is measured', () => {
  const names = subjects.map(({ name }) => name);
  const bounds = goalsFor(subjects).flatMap(({ alternatives }) => alternatives.flat());
  for (const { of, by } of bounds) for (const { subject } of by ? [of, by] : [of]) expect(names).toContain(subject);
});
