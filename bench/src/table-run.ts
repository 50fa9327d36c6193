import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.js';
import { goalsFor } from './goals/goals.js';
import { judge } from './goals/judge.js';
import { pageOf } from './html/page.js';
import { type BenchOptions, quickRun, usualRun } from './options.js';
import { goalLines, tables } from './report.js';
import { type Row, summarise } from './results.js';
import { merged, nameFor, type ResultsFile, readResults, resultsOf, textOf } from './results-file.js';
import { runRounds } from './rounds.js';
import { canRun, scenarios } from './scenario.js';
import { subjects } from './subjects/index.js';

/** Where the project's own results are. */
export const resultsDir = fileURLToPath(new URL('../results/', import.meta.url));

type Say = (line: string) => void;

/** Measures scenarios and subjects; prints tables and goals; writes results and their page where that is asked for. */
export async function measureTable(all: Children, options: BenchOptions, say: Say): Promise<readonly Row[]> {
  const { scenario, subject, rounds, quick, into } = options;
  const { seconds, warmUp } = { ...(quick ? quickRun : usualRun), ...given(options) };
  for (const named of subject ?? []) {
    const cannot = scenario.filter((one) => !canRun(named, one));
    if (cannot.length > 0) say(`${named.name} does not do ${cannot.join(', ')}`);
  }
  const before = into !== undefined && existsSync(into) ? readResults(into) : undefined;
  const date = new Date();
  const chosen = subject ?? subjects.filter(({ aside = false }) => !aside);
  const times = { rounds, seconds, warmUpSeconds: warmUp };
  const { samples, failures } = await runRounds(all, { scenarios: scenario, subjects: chosen, ...times, say });
  const rows = summarise(samples);
  const outcomes = goalsFor(subjects).map((goal) => judge(goal, samples));
  console.log([tables(rows), goalLines(outcomes)].filter((part) => part !== '').join('\n\n'));
  for (const failure of failures) say(`failed: ${failure}`);
  if (failures.length > 0 || rows.length === 0) process.exitCode = 1;
  const dir = options.out ?? (scenario === scenarios && subject === undefined ? resultsDir : undefined);
  if (rows.length > 0 && (into !== undefined || dir !== undefined)) {
    const results = resultsOf({ date, run: { quick, ...times }, subjects, samples, failures });
    write(into ?? nameFor(dir!, results), before === undefined ? results : merged(before, results), say);
  }
  return rows;
}

/** Only the times that were said: what is undefined would take the place of the usual ones. */
function given({ seconds, warmUp }: BenchOptions): { readonly seconds?: number; readonly warmUp?: number } {
  return { ...(seconds !== undefined && { seconds }), ...(warmUp !== undefined && { warmUp }) };
}

function write(file: string, results: ResultsFile, say: Say): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, textOf(results));
  say(`the results are in ${file}; to look at: ${writePage(file)}`);
}

/** Makes the page of a file of results, beside it: its path. */
export function writePage(file: string): string {
  const page = `${file.replace(/\.json$/, '')}.html`;
  writeFileSync(page, pageOf(readResults(file)));
  return page;
}
