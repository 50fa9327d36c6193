import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Machine, machine, type Versions, versions } from './machine.js';
import { coarsely, mergeHistograms } from './recorder.js';
import type { Sample } from './results.js';
import type { Scenario } from './scenario.js';
import type { Subject } from './subject.js';
import { subjects } from './subjects/index.js';

/** What a run measured, as it stands in `bench/results/<date>.json`: the schema of that file. */
export interface ResultsFile {
  /** Raised when a reader of older files would read this one wrongly. */
  readonly format: 1;
  /** When the run began: ISO 8601, UTC. */
  readonly date: string;
  /** How it was measured. `quick` runs are short, and say little. */
  readonly run: {
    readonly quick: boolean;
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
  };
  readonly machine: Machine;
  readonly versions: Versions;
  /** All that were measured, in the order of tables. */
  readonly subjects: readonly Pick<Subject, 'name' | 'kind' | 'about'>[];
  /** Every cell of every round, without its histogram. */
  readonly samples: readonly StoredSample[];
  /**
   * All rounds of a cell in one: HdrHistogram's V2 format, compressed, in base64; nanoseconds to two digits. Only of the
   * scenarios whose distribution is shown. The key is `<scenario> <subject>`.
   */
  readonly histograms: { readonly [cell: string]: string };
  /** One line for each cell that could not be measured. */
  readonly failures: readonly string[];
}

export type StoredSample = Omit<Sample, 'histogram'>;

/** Those whose distribution is shown. */
export const distributed: readonly Scenario[] = ['unary-sync', 'unary-async', 'in-flight-64', 'fan-in-16'];

export interface RunWords {
  readonly date: Date;
  readonly run: ResultsFile['run'];
  readonly subjects: readonly Subject[];
  readonly samples: readonly Sample[];
  readonly failures: readonly string[];
}

export function resultsOf({ date, run, subjects: given, samples, failures }: RunWords): ResultsFile {
  const measured = new Set(samples.map(({ subject }) => subject));
  return {
    format: 1,
    date: date.toISOString(),
    run,
    machine: machine(),
    versions: versions(),
    subjects: given.filter(({ name }) => measured.has(name)).map(({ name, kind, about }) => ({ name, kind, about })),
    samples: samples.map(({ histogram: _, ...sample }) => sample),
    histograms: histogramsOf(samples.filter(({ scenario }) => distributed.includes(scenario))),
    failures,
  };
}

function histogramsOf(samples: readonly Sample[]): Record<string, string> {
  const cells = new Map<string, string[]>();
  for (const { scenario, subject, histogram } of samples) {
    const cell = `${scenario} ${subject}`;
    cells.set(cell, [...(cells.get(cell) ?? []), histogram]);
  }
  return Object.fromEntries([...cells].map(([cell, rounds]) => [cell, coarsely(mergeHistograms(rounds).histogram)]));
}

/** What was measured, and what was measured later, which takes the place of the same cells. Throws where the two differ in how. */
export function merged(before: ResultsFile, added: ResultsFile): ResultsFile {
  const how = ({ run }: ResultsFile) => JSON.stringify(run);
  if (how(before) !== how(added)) {
    throw new Error(`these results were measured with ${how(before)}, not with ${how(added)}: give the same options`);
  }
  const cellOf = ({ scenario, subject }: Pick<Sample, 'scenario' | 'subject'>) => `${scenario} ${subject}`;
  const again = new Set(added.samples.map(cellOf));
  const failedAgain = new Set(added.failures.map((line) => line.split(':')[0]));
  const known = new Map([...before.subjects, ...added.subjects].map((subject) => [subject.name, subject]));
  const rank = ({ name }: { readonly name: string }) => subjects.findIndex((subject) => subject.name === name);
  return {
    ...added,
    date: before.date,
    subjects: [...known.values()].sort((a, b) => rank(a) - rank(b)),
    samples: [...before.samples.filter((sample) => !again.has(cellOf(sample))), ...added.samples],
    histograms: { ...before.histograms, ...added.histograms },
    failures: [
      ...before.failures.filter((line) => !again.has(line.split(':')[0]!) && !failedAgain.has(line.split(':')[0])),
      ...added.failures,
    ],
  };
}

/** A name in a directory that says the day of a run, and that no other file has. */
export function nameFor(dir: string, { date, run }: ResultsFile): string {
  const day = `${date.slice(0, 10)}${run.quick ? '-quick' : ''}`;
  let name = day;
  for (let n = 2; existsSync(join(dir, `${name}.json`)); n++) name = `${day}-${n}`;
  return join(dir, `${name}.json`);
}

/** JSON with a line for each sample and each histogram, so that two files can be compared. */
export function textOf(results: ResultsFile): string {
  const { samples, histograms, ...rest } = results;
  const head = JSON.stringify(rest, null, 2).slice(0, -2);
  const rounded = samples.map((sample) => JSON.stringify(sample, (_, value) => digits(value)));
  const cells = Object.entries(histograms).map(
    ([cell, text]) => `    ${JSON.stringify(cell)}: ${JSON.stringify(text)}`,
  );
  return `${head},\n  "samples": [\n    ${rounded.join(',\n    ')}\n  ],\n  "histograms": {\n${cells.join(',\n')}\n  }\n}\n`;
}

/** Six digits are more than any clock here can tell. */
function digits(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** Reads what `textOf` wrote. Throws with the file's name and what is wrong with it. */
export function readResults(file: string): ResultsFile {
  let read: Partial<ResultsFile>;
  try {
    read = JSON.parse(readFileSync(file, 'utf8')) as Partial<ResultsFile>;
  } catch (error) {
    throw new Error(`${file} cannot be read as results of a run: ${(error as Error).message}`);
  }
  if (read?.format !== 1 || !Array.isArray(read.samples)) {
    throw new Error(
      `${file} is not a file of results that this version can read (format 1), as \`npm run bench\` writes it`,
    );
  }
  return read as ResultsFile;
}
