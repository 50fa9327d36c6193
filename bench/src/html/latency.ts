import { duration } from '../format.js';
import type { Scenario } from '../scenario.js';
import { axisFont, type Chart, decades, optionOf, tip } from './chart.js';
import type { Model } from './model.js';

const shown = [
  ['unary-sync', 'Blocking calls, one after the other'],
  ['unary-async', 'Awaited calls, one after the other'],
  ['in-flight-64', '64 awaited calls under way'],
] as const;

/** For each way of calling: a row for each subject, from its median to its slowest thousandth. */
export function latencyCharts(model: Model): Chart[] {
  const ranges = shown.flatMap(([scenario, title]) => rangeChart(model, scenario, title));
  return [...ranges, ...shown.slice(0, 2).flatMap(([scenario, title]) => curveChart(model, scenario, title))];
}

function rangeChart(model: Model, scenario: Scenario, title: string): Chart[] {
  const rows = model.rowsOf(scenario).toSorted((a, b) => b.p50Us - a.p50Us); // the quickest on top
  if (rows.length === 0) return [];
  const names = rows.map(({ subject }) => subject);
  const series = rows.map(({ subject, p50Us, p99Us, p999Us }) => {
    const { about, colour } = model.subject(subject);
    const words = tip(subject, about, [
      ['p50', duration(p50Us)],
      ['p99', duration(p99Us)],
      ['p99.9', duration(p999Us)],
    ]);
    const mark = (us: number, symbol: string, symbolSize: number) => ({
      value: [us, subject],
      symbol,
      symbolSize,
      tip: words,
    });
    return {
      name: subject,
      type: 'line',
      color: colour,
      lineStyle: { width: 2 },
      data: [mark(p50Us, 'circle', 11), mark(p99Us, 'diamond', 10), mark(p999Us, 'rect', 6)],
    };
  });
  const { min, max } = decades(rows.flatMap(({ p50Us, p999Us }) => [p50Us, p999Us]));
  return [
    {
      id: `latency-${scenario}`,
      title: `${title}: how long one takes`,
      reading:
        'Further left is quicker, and each line to the right is ten times as long: the dot is the median, the diamond what 99 of 100 calls stay below, the square what 999 of 1,000 do; a short row is a steady subject.',
      height: 50 + 24 * rows.length,
      subjects: names,
      option: optionOf(
        {
          xAxis: { type: 'log', min, max, axisLabel: { ...axisFont, formatter: '@us', hideOverlap: true } },
          yAxis: { type: 'category', data: names, axisLabel: { ...axisFont, interval: 0 }, axisTick: { show: false } },
          series,
        },
        false,
      ),
    },
  ];
}

/** Percentiles, further apart the rarer what they exclude. */
const percentiles = [1, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99];

function curveChart(model: Model, scenario: Scenario, title: string): Chart[] {
  const curves = model.rowsOf(scenario).flatMap(({ subject }) => {
    const values = model.distribution(scenario, subject, percentiles);
    return values === undefined ? [] : [{ subject, values }];
  });
  if (curves.length === 0) return [];
  const series = curves.map(({ subject, values }) => {
    const { about, colour } = model.subject(subject);
    return {
      name: subject,
      type: 'line',
      color: colour,
      symbolSize: 5,
      lineStyle: { width: 2 },
      data: values.map((us, i) => ({
        value: [1 / (1 - percentiles[i]! / 100), us],
        tip: tip(subject, about, [[`${percentiles[i]} % take at most`, duration(us)]]),
      })),
    };
  });
  const { min, max } = decades(curves.flatMap(({ values }) => values));
  return [
    {
      id: `distribution-${scenario}`,
      title: `${title}: the whole distribution`,
      reading:
        'Each step to the right leaves out a tenth of the calls that were left: a curve that stays flat has no slow calls, one that rises at the right has a few; a click on a name takes it out or brings it back.',
      height: 420,
      subjects: curves.map(({ subject }) => subject),
      option: optionOf(
        {
          xAxis: {
            type: 'log',
            min: 1,
            max: 10_000,
            axisLabel: { ...axisFont, formatter: '@percentile', hideOverlap: true },
          },
          yAxis: { type: 'log', min, max, axisLabel: { ...axisFont, formatter: '@us' } },
          series,
        },
        true,
      ),
    },
  ];
}
