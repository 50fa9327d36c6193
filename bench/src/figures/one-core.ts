import { spawnSync } from 'node:child_process';
import { runCell } from '../cell.js';
import type { Children } from '../children.js';
import { median } from '../format.js';
import type { Subject } from '../subject.js';
import { subjectNamed } from '../subjects/index.js';

/** What a blocking call costs over its bare mechanism where client and server share one processor. */
export interface OneCoreRow {
  readonly subject: string;
  readonly bare: string;
  /** Means of a call, in microseconds: medians over the rounds. */
  readonly meanUs: number;
  readonly bareMeanUs: number;
  /** The median over rounds of the ratio within a round, whose two runs followed each other. */
  readonly ratio: number;
  readonly rounds: readonly OneCoreRound[];
  readonly met: boolean;
}

export interface OneCoreRound {
  readonly meanUs: number;
  readonly bareMeanUs: number;
}

export interface OneCoreOptions {
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Hears of what is going on, for a person who waits. */
  readonly say: (line: string) => void;
}

/** The ratio to stay below. */
export const oneCoreGoal = 1.3;

/** The subjects that this figure is about, of those given: what has a bare counterpart. */
export function withCounterpart(subjects: readonly Subject[]): Subject[] {
  return subjects.filter((subject) => bareOf(subject) !== undefined);
}

/** Measures each subject and its counterpart, next to each other, `rounds` times, each time in fresh processes. */
export async function measureOneCore(children: Children, options: OneCoreOptions): Promise<OneCoreRow[]> {
  const { subjects, rounds, seconds, warmUpSeconds, say } = options;
  const pairs = subjects.map((subject) => ({ subject, bare: counterpartOf(subject), done: [] as OneCoreRound[] }));
  const meanOf = async (subject: Subject) => {
    const cell = { scenario: 'one-core', subject, seconds, warmUpSeconds } as const;
    return 1e6 / (await runCell(children, cell)).perSecond;
  };
  for (let round = 0; round < rounds; round++) {
    for (const { subject, bare, done } of pairs) {
      say(`round ${round + 1}/${rounds}: ${bare.name} and ${subject.name} on one processor`);
      const bareMeanUs = await meanOf(bare);
      done.push({ bareMeanUs, meanUs: await meanOf(subject) });
    }
  }
  return pairs.map(({ subject, bare, done }) => {
    const middle = (value: (round: OneCoreRound) => number) => median(done.map(value));
    const ratio = middle(({ meanUs, bareMeanUs }) => meanUs / bareMeanUs);
    return {
      subject: subject.name,
      bare: bare.name,
      meanUs: middle(({ meanUs }) => meanUs),
      bareMeanUs: middle(({ bareMeanUs }) => bareMeanUs),
      ratio,
      rounds: done,
      met: ratio <= oneCoreGoal,
    };
  });
}

export function tasksetIsThere(): boolean {
  return spawnSync('taskset', ['--version']).error === undefined;
}

function bareOf(subject: Subject): string | undefined {
  return subject.kind === 'bare' || subject.kind === 'native' ? undefined : subject.bare;
}

export function counterpartOf(subject: Subject): Subject {
  const name = bareOf(subject);
  if (name === undefined) throw new Error(`${subject.name} has no bare counterpart that blocks as it does`);
  return subjectNamed(name);
}
