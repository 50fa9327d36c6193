import { median } from '../format.js';
import type { Sample as Measured } from '../results.js';
import type { Scenario } from '../scenario.js';

/** One number that a sample has. */
export type GoalField = 'p50Us' | 'perSecond' | 'idleTicks' | 'privateKiB';

/** A number of one cell. */
export interface Reading {
  readonly scenario: Scenario;
  readonly subject: string;
  readonly field: GoalField;
}

/** What a number, or the ratio of two, is to be. Ratios are of two cells of one round. */
export interface Bound {
  readonly of: Reading;
  /** What it is divided by. */
  readonly by?: Reading;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** What the project aims at: one of the alternatives, each of which may ask several things at once. */
export interface Goal {
  readonly title: string;
  readonly alternatives: readonly (readonly Bound[])[];
}

export interface Part {
  readonly bound: Bound;
  /** The median over the rounds; NaN where it was not measured. */
  readonly value: number;
  readonly met: boolean;
}

export interface Outcome {
  readonly goal: Goal;
  /** As the goal has them. */
  readonly alternatives: readonly (readonly Part[])[];
  /** Something of it was measured. */
  readonly measured: boolean;
  /** All of one alternative was, and is as it should be. */
  readonly met: boolean;
}

type Sample = Omit<Measured, 'histogram'>;

export function judge(goal: Goal, samples: readonly Sample[]): Outcome {
  const alternatives = goal.alternatives.map((bounds) => bounds.map((bound) => judgeBound(bound, samples)));
  return {
    goal,
    alternatives,
    measured: alternatives.flat().some(({ value }) => !Number.isNaN(value)),
    met: alternatives.some((parts) => parts.every(({ met }) => met)),
  };
}

function judgeBound(bound: Bound, samples: readonly Sample[]): Part {
  const { of, by, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = bound;
  const rounds = [...new Set(samples.map(({ round }) => round))];
  const values = rounds.flatMap((round) => {
    const [a, b] = [read(of, round, samples), by === undefined ? 1 : read(by, round, samples)];
    return a === undefined || b === undefined ? [] : [a / b];
  });
  const value = median(values);
  return { bound, value, met: value <= atMost && value >= atLeast };
}

function read({ scenario, subject, field }: Reading, round: number, samples: readonly Sample[]): number | undefined {
  const sample = samples.find((s) => s.scenario === scenario && s.subject === subject && s.round === round);
  if (field === 'p50Us' || field === 'perSecond') return sample?.[field];
  const crowd = sample?.crowd;
  if (crowd === undefined) return undefined;
  if (field === 'idleTicks') return crowd.clientTicks + crowd.serverTicks;
  return Math.max(crowd.clientKiB ?? Number.NaN, crowd.serverKiB ?? Number.NaN); // the costlier side
}
