import { duration, figure } from '../format.js';
import type { Row } from '../results.js';
import { crowdScenarios, crowds, type Scenario, sizeScenarios, sizes } from '../scenario.js';
import { axisFont, type Chart, decades, optionOf, tip } from './chart.js';
import type { Model } from './model.js';

interface Lines {
  readonly id: string;
  readonly title: string;
  readonly reading: string;
  /** From left to right, with the names that they have on the axis. */
  readonly steps: readonly (readonly [Scenario, string])[];
  /** Undefined where a step has no such number. */
  readonly value: (row: Row) => number | undefined;
  readonly words: (value: number) => string;
  readonly axis: '@count' | '@us' | '@mib';
}

const sizeSteps = sizeScenarios.map((name) => [name, bytes(sizes[name])] as const);
const crowdSteps = crowdScenarios.map((name) => [name, figure(crowds[name])] as const);

function bytes(count: number): string {
  if (count >= 2 ** 20) return `${count / 2 ** 20} MiB`;
  return count >= 1024 ? `${count / 1024} KiB` : `${count} B`;
}

const mib = (value: number) => `${figure(value)} MiB/s`;
const rate = (value: number) => `${figure(Math.round(value))} calls/s`;

const plots: readonly Lines[] = [
  {
    id: 'throughput',
    title: 'Bytes a second by size of message, there and back',
    reading:
      'Higher is more, and each line up is ten times as much: at the left a call costs what it costs whatever it carries, at the right only the bytes count, and bare-memcpy is what merely copying them takes.',
    steps: sizeSteps.filter(([name]) => name !== 'size-0b'),
    value: ({ scenario, perSecond }) => (2 * sizes[scenario as keyof typeof sizes] * perSecond) / 2 ** 20,
    words: mib,
    axis: '@mib',
  },
  {
    id: 'rate-by-size',
    title: 'Calls a second by size of message',
    reading:
      'The same cells, counted in calls: where a curve begins to fall, copying bytes begins to cost more than calling.',
    steps: sizeSteps,
    value: ({ perSecond }) => perSecond,
    words: rate,
    axis: '@count',
  },
  {
    id: 'rate-by-connections',
    title: 'Calls a second by number of connections, at most 16 of which call',
    reading: 'A curve that stays level to the right does not pay for the connections that are only there.',
    steps: crowdSteps,
    value: ({ perSecond }) => perSecond,
    words: rate,
    axis: '@count',
  },
];

/** Curves over sizes and over numbers of connections, on logarithmic scales. */
export function lineCharts(model: Model): Chart[] {
  return plots.flatMap((lines) => lineChart(model, lines));
}

function lineChart(model: Model, { id, title, reading, steps, value, words, axis }: Lines): Chart[] {
  const measured = steps.filter(([scenario]) => model.rowsOf(scenario).length > 0);
  const curves = model.results.subjects
    .map(({ name }) => ({ name, points: measured.map(([scenario]) => model.row(scenario, name)) }))
    .map(({ name, points }) => ({ name, points, values: points.map((row) => row && value(row)) }))
    .filter(({ values }) => values.some((one) => one !== undefined));
  if (curves.length === 0) return [];
  const series = curves.map(({ name, points, values }) => {
    const { about, colour } = model.subject(name);
    const data = values.map((one, i) => {
      const row = points[i];
      if (one === undefined || row === undefined) return { value: '-' };
      const lines = [
        [`${measured[i]![1]}:`, words(one)],
        ['p50', duration(row.p50Us)],
      ] as const;
      return { value: one, tip: tip(name, about, lines) };
    });
    return { name, type: 'line', color: colour, symbol: 'circle', symbolSize: 7, lineStyle: { width: 2 }, data };
  });
  const { min, max } = decades(curves.flatMap(({ values }) => values.flatMap((one) => one ?? [])));
  return [
    {
      id,
      title,
      reading,
      height: 440,
      subjects: curves.map(({ name }) => name),
      option: optionOf(
        {
          xAxis: {
            type: 'category',
            data: measured.map(([, label]) => label),
            axisLabel: { ...axisFont, hideOverlap: true },
          },
          yAxis: { type: 'log', min, max, axisLabel: { ...axisFont, formatter: axis } },
          series,
        },
        true,
      ),
    },
  ];
}
