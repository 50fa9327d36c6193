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
  /** Short, and once: for a look. */
  readonly quick: boolean;
  /** Directory for results and the page about them. Undefined: the project's own, where all cells are measured. */
  readonly out?: string;
  /** Results of an earlier run, to which what is measured is added. */
  readonly into?: string;
  /** Results whose page is to be made again; nothing is measured. */
  readonly page?: string;
}

/** Rounds and times of the table, where they are not given. */
export const usualRun = { rounds: 3, seconds: 0.6, warmUp: 0.3 } as const;
export const quickRun = { rounds: 1, seconds: 0.1, warmUp: 0.05 } as const;

/** Reads the command line; prints help or what is wrong, and exits, by itself. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const options = new Command('npm run bench --')
    .description('Measures Callgate, its peers and the bare mechanisms alike, each cell in fresh processes.')
    .option('--scenario <names...>', `only these: ${scenarios.join(', ')}`, scenarioNames, scenarios)
    .option('--subject <names...>', `only these: ${subjects.map(({ name }) => name).join(', ')}`, subjectNames)
    .option('--rounds <n>', 'interleaved; a result is their median (3)', wholeNumber)
    .option(
      '--seconds <s>',
      'length of one measurement (0.6; of figures 1), or of the idle figure (10)',
      positiveNumber,
    )
    .option(
      '--warm-up <s>',
      'length of the calls before a measurement (0.3; of figures 0.4; of one-core 1)',
      positiveNumber,
    )
    .option('--quick', 'one short round: minutes instead of half an hour, for a look', false)
    .option('--out <directory>', 'write results and their page there (bench/results, where all is measured)')
    .option('--into <file>', 'add to the results of an earlier run, in the place of the same cells')
    .addOption(new Option('--page <file>', 'only make the page of these results again').conflicts('into'))
    .addOption(new Option('--figure <name>', 'another figure instead of the table').choices(figures))
    .option('--json <file>', 'also write the rows there')
    .allowExcessArguments(false)
    .parse(argv)
    .opts<Omit<BenchOptions, 'rounds'> & { readonly rounds?: number }>();
  return { ...options, rounds: options.rounds ?? (options.quick ? quickRun : usualRun).rounds };
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
