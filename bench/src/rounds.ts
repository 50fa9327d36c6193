import { missingFor } from './bare.js';
import { runCell } from './cell.js';
import type { Children } from './children.js';
import { counterpartOf, tasksetIsThere, withCounterpart } from './figures/one-core.js';
import { missingForNative } from './native-peer.js';
import type { Sample } from './results.js';
import { canRun, type Scenario } from './scenario.js';
import type { Subject } from './subject.js';

export interface RoundsOptions {
  readonly scenarios: readonly Scenario[];
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Hears of what is going on, for a person who waits. */
  readonly say: (line: string) => void;
}

export interface RoundsResult {
  readonly samples: readonly Sample[];
  /** One line per cell that could not be measured. */
  readonly failures: readonly string[];
}

function missingOf(subject: Subject): string | undefined {
  if (subject.kind === 'native') return missingForNative(subject);
  return subject.kind === 'bare' ? missingFor(subject.mechanism) : undefined;
}

/** Those that a scenario has, of those given, in the order in which they run. */
export function subjectsOf(scenario: Scenario, given: readonly Subject[]): readonly Subject[] {
  if (scenario !== 'one-core') return given.filter((subject) => canRun(subject, scenario));
  return withCounterpart(given).flatMap((subject) => [counterpartOf(subject), subject]);
}

/** Runs every cell once per round, all cells of a round before the next: a disturbance then meets all subjects alike. */
export async function runRounds(children: Children, options: RoundsOptions): Promise<RoundsResult> {
  const { scenarios, rounds, seconds, warmUpSeconds, say } = options;
  const there = options.subjects.filter((subject) => {
    const missing = missingOf(subject);
    if (missing !== undefined) say(`${subject.name}: left out, for ${missing}`);
    return missing === undefined;
  });
  const asked = scenarios.filter((scenario) => scenario !== 'one-core' || tasksetIsThere());
  if (asked.length < scenarios.length) say('one-core: left out, for taskset is missing: install util-linux');
  const cells = asked.flatMap((scenario) => subjectsOf(scenario, there).map((subject) => ({ scenario, subject })));
  const samples: Sample[] = [];
  const failures: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, { scenario, subject }] of cells.entries()) {
      say(`round ${round + 1}/${rounds}, cell ${i + 1}/${cells.length}: ${scenario} ${subject.name}`);
      try {
        const measured = await runCell(children, { scenario, subject, seconds, warmUpSeconds });
        samples.push({ scenario, subject: subject.name, round, ...measured });
      } catch (error) {
        if (children.ending) throw error;
        failures.push(`${scenario} ${subject.name}: ${(error as Error).message}`);
      }
    }
  }
  return { samples, failures };
}
