import type { Measurement } from './client-main.js';
import { median } from './format.js';
import type { Scenario } from './scenario.js';

/** What one cell measured in one round. */
export interface Sample extends Measurement {
  readonly scenario: Scenario;
  readonly subject: string;
  readonly round: number;
}

/** One row of the result: medians over the rounds. */
export interface Row {
  readonly scenario: Scenario;
  readonly subject: string;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  readonly cpuUsPerCall: number;
  readonly rssMiB: number;
}

/** One row per cell, in the order in which the cells first ran. */
export function summarise(samples: readonly Sample[]): Row[] {
  const cells = new Map(samples.map(({ scenario, subject }) => [`${scenario} ${subject}`, { scenario, subject }]));
  return [...cells.values()].map(({ scenario, subject }) => {
    const cell = samples.filter((sample) => sample.scenario === scenario && sample.subject === subject);
    const middle = (field: keyof Measurement) => median(cell.map((sample) => sample[field]));
    return {
      scenario,
      subject,
      p50Us: middle('p50Us'),
      p99Us: middle('p99Us'),
      perSecond: middle('perSecond'),
      cpuUsPerCall: middle('cpuUsPerCall'),
      rssMiB: middle('rssMiB'),
    };
  });
}

/** A ratio that the project aims at. */
export interface Goal {
  readonly scenario: Scenario;
  readonly field: 'p50Us' | 'perSecond';
  /** The ratio is `over` divided by `under`. */
  readonly over: string;
  readonly under: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const goals: readonly Goal[] = [
  { scenario: 'unary-sync', field: 'p50Us', over: 'shm', under: 'bare-shm', atMost: 4 },
  { scenario: 'unary-async', field: 'p50Us', over: 'grpc-js', under: 'shm', atLeast: 50 },
  { scenario: 'in-flight-64', field: 'perSecond', over: 'shm', under: 'grpc-js', atLeast: 100 },
  { scenario: 'in-flight-64', field: 'perSecond', over: 'shm', under: 'child-ipc', atLeast: 3 },
  { scenario: 'stream-64b', field: 'perSecond', over: 'shm', under: 'child-ipc', atLeast: 5 },
  { scenario: 'bulk-1m', field: 'p50Us', over: 'shm', under: 'bare-memcpy', atMost: 2 },
];

export interface Outcome {
  readonly goal: Goal;
  /** The median over rounds of the ratio within a round, whose cells ran close together; NaN where not measured. */
  readonly ratio: number;
  readonly met: boolean;
}

export function judge(goal: Goal, samples: readonly Sample[]): Outcome {
  const { scenario, field, over, under, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal;
  const value = (subject: string, round: number) =>
    samples.find((s) => s.scenario === scenario && s.subject === subject && s.round === round)?.[field];
  const rounds = [...new Set(samples.map((sample) => sample.round))];
  const ratios = rounds.flatMap((round) => {
    const [a, b] = [value(over, round), value(under, round)];
    return a === undefined || b === undefined ? [] : [a / b];
  });
  const ratio = median(ratios);
  return { goal, ratio, met: ratio <= atMost && ratio >= atLeast };
}
