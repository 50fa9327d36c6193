import { Command, InvalidArgumentError, Option } from 'commander';
import { crowdScenarios, type Scenario, scenarios, sizeScenarios } from './scenario.js';
import type { Subject } from './subject.js';
import { subjectNamed, subjects } from './subjects/index.js';

const figures = ['idle', 'syscalls', 'one-core', 'notify'] as const;
export type Figure = (typeof figures)[number];

export interface BenchOptions {
  /** @default all */
  readonly scenario: readonly Scenario[];
  /** Undefined: all that can do what is asked. */
  readonly subject?: readonly Subject[];
  readonly rounds: number;
  /** Undefined leaves it to the figure. */
  readonly seconds?: number;
  /** Undefined leaves it to the figure. */
  readonly warmUp?: number;
  readonly figure?: Figure;
  /** File to write the rows to. */
  readonly json?: string;
}

/** Reads the command line; prints help or what is wrong, and exits, by itself. */
export function readOptions(argv: readonly string[]): BenchOptions {
  return new Command('npm run bench --')
    .description('Measures Callgate, its peers and the bare mechanisms alike, each cell in fresh processes.')
    .option('--scenario <names...>', `only these: ${scenarios.join(', ')}`, scenarioNames, scenarios)
    .option('--subject <names...>', `only these: ${subjects.map(({ name }) => name).join(', ')}`, subjectNames)
    .option('--rounds <n>', 'interleaved; a result is their median', wholeNumber, 3)
    .option('--seconds <s>', 'length of one measurement (1), or of the idle figure (10)', positiveNumber)
    .option('--warm-up <s>', 'length of the calls before a measurement (0.4; of one-core 1)', positiveNumber)
    .addOption(new Option('--figure <name>', 'another figure instead of the table').choices(figures))
    .option('--json <file>', 'also write the rows there')
    .allowExcessArguments(false)
    .parse(argv)
    .opts<BenchOptions>();
}

/** Scenarios that differ by a number. */
const groups: Readonly<Record<string, readonly Scenario[]>> = { size: sizeScenarios, connections: crowdScenarios };

/** Adds one argument, which may be several names with commas between, to what was said before. */
function scenarioNames(text: string, before: readonly Scenario[] | undefined): readonly Scenario[] {
  const named = text.split(',').flatMap((name) => {
    const found = groups[name] ?? scenarios.filter((scenario) => scenario === name);
    if (found.length === 0) throw new InvalidArgumentError(`There is no scenario "${name}".`);
    return found;
  });
  return before === undefined || before === scenarios ? named : [...before, ...named];
}

function subjectNames(text: string, before: readonly Subject[] = []): readonly Subject[] {
  try {
    return [...before, ...text.split(',').map(subjectNamed)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError('Expected a number above 0, at most 3600.');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}
