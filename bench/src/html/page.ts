import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { goalsFor } from '../goals/goals.js';
import { judge, type Outcome } from '../goals/judge.js';
import type { Sample } from '../results.js';
import type { ResultsFile } from '../results-file.js';
import { subjects } from '../subjects/index.js';
import { barCharts } from './bars.js';
import { type Chart, escaped } from './chart.js';
import { latencyCharts } from './latency.js';
import { lineCharts } from './lines.js';
import { modelOf } from './model.js';
import { goalsTable, numberTables } from './tables.js';

const parts = (name: string) => readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8');

/** The plots that results have something for. */
export function chartsOf(results: ResultsFile): Chart[] {
  const model = modelOf(results);
  return [...latencyCharts(model), ...barCharts(model), ...lineCharts(model)];
}

export function outcomesOf(results: ResultsFile): Outcome[] {
  return goalsFor(subjects).map((goal) => judge(goal, results.samples as readonly Sample[]));
}

/** One file with all that a browser needs: it asks for nothing else. */
export function pageOf(results: ResultsFile): string {
  const library = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
  const charts = chartsOf(results);
  const { run, machine, versions, date, failures } = results;
  const drawn = Object.fromEntries(charts.map(({ id, option }) => [id, option]));
  const facts = [
    `${date.slice(0, 16).replace('T', ' ')} UTC`,
    `${machine.processor}, ${machine.processors} processors, ${machine.memoryGiB} GiB, ${machine.arch}, Linux ${machine.kernel}`,
    `${run.rounds} interleaved rounds, ${run.seconds} s each after ${run.warmUpSeconds} s of warm-up, fresh processes`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Callgate: benchmarks of ${escaped(date.slice(0, 10))}</title>
<style>${parts('page.css')}</style>
</head>
<body>
<main>
<h1>How fast calls are</h1>
<p class="lead">Callgate over each of its transports (blues and greens), what one might take instead (warm colours), and the bare mechanism in C
(greys), with the same message, in fresh processes, on one machine. Rest the pointer on a mark for its numbers.</p>
<ul class="facts">${facts.map((fact) => `<li>${escaped(fact)}</li>`).join('')}</ul>
${run.quick ? '<p class="note">A quick run: short, in few rounds, and perhaps on a busy machine. It shows the page, and only roughly the speed.</p>' : ''}
${failures.length === 0 ? '' : `<p class="note">Could not be measured: ${escaped(failures.join('; '))}</p>`}
<h2>Goals</h2>
<p>Medians over the rounds; a ratio is of two cells of one round. Compare ratios of one run, never microseconds of two machines.</p>
<div class="wide">${goalsTable(outcomesOf(results))}</div>
<h2>Plots</h2>
${charts.map(sectionOf).join('\n')}
<h2>All numbers</h2>
${numberTables(modelOf(results))}
<p class="small">Plots by Apache ECharts, which is part of this file, under the Apache License 2.0.</p>
</main>
<script>${library}</script>
<script type="application/json" id="charts">${JSON.stringify(drawn).replaceAll('<', '\\u003c')}</script>
<script>${parts('page.js')}</script>
</body>
</html>
`;
}

function sectionOf({ id, title, reading, height, subjects: names }: Chart): string {
  return `<section>
<h3>${escaped(title)}</h3>
<p class="reading">${escaped(reading)}</p>
<div class="chart" id="${id}" style="height: ${height}px" role="img" aria-label="${escaped(`${title}: ${names.join(', ')}`)}"></div>
</section>`;
}
