import { expect, test } from 'vitest';
import { type Sample, summarise } from './results.js';

function sample(subject: string, round: number, p50Us: number): Sample {
  return {
    scenario: 'unary-sync',
    subject,
    round,
    p50Us,
    p99Us: 2 * p50Us,
    p999Us: 3 * p50Us,
    maxUs: 4 * p50Us,
    histogram: '',
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

test('what connections cost is the median of the rounds, too', () => {
  const crowd = { connections: 16, busy: 16, idleSeconds: 2, clientTicks: 0, serverTicks: 1 };
  const cost = (clientKiB: number | null) => ({ ...crowd, clientKiB, serverKiB: clientKiB, sharedKiB: 0 });
  const cell = [3, 9, 4].map((kib, round) => ({ ...sample('shm', round, 1), crowd: cost(kib) }));
  expect(summarise(cell)[0]!.crowd).toEqual(cost(4));
  expect(summarise([{ ...sample('shm', 0, 1), crowd: cost(null) }])[0]!.crowd).toEqual(cost(null));
});
