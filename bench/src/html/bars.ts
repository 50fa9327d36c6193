import { duration, figure } from '../format.js';
import type { Row } from '../results.js';
import type { Scenario } from '../scenario.js';
import { axisFont, type Chart, optionOf, tip } from './chart.js';
import type { Model } from './model.js';

interface Bars {
  readonly id: string;
  readonly title: string;
  readonly reading: string;
  readonly scenario: Scenario;
  readonly value: (row: Row) => number;
  /** What a bar says at its end. */
  readonly words: (value: number) => string;
  /** The function of the page that labels the axis. */
  readonly axis: '@count' | '@us' | '@kib';
  /** @default 'most': the longest bar is the best */
  readonly best?: 'most' | 'least';
}

const perSecond = ({ perSecond: value }: Row) => value;
const whole = (value: number) => figure(Math.round(value));
const longer = 'A bar twice as long did twice as much in the same time, by both processors together.';

const plots: readonly Bars[] = [
  ...(
    [
      ['in-flight-64', 'Calls a second with 64 under way'],
      ['in-flight-1000', 'Calls a second with 1,000 under way'],
      ['fan-in-16', 'Calls a second that one server answers to 16 client processes'],
      ['unary-async', 'Calls a second, one after the other'],
      ['stream-64b', 'Messages of 64 bytes a second, in streams'],
      ['stream-64k', 'Messages of 64 KiB a second, in streams'],
    ] as const
  ).map(
    ([scenario, title]): Bars => ({
      id: `rate-${scenario}`,
      title,
      reading: longer,
      scenario,
      value: perSecond,
      words: whole,
      axis: '@count',
    }),
  ),
  {
    id: 'start-up',
    title: 'From starting a process to its first reply, beyond an empty one',
    reading: 'Shorter is better: what a program that calls once has to wait for, loading the library included.',
    scenario: 'start-up',
    value: ({ p50Us }) => p50Us,
    words: duration,
    axis: '@us',
    best: 'least',
  },
  {
    id: 'memory-per-connection',
    title: 'Private memory of client and server for each of 1,000 connections',
    reading:
      'Shorter is better: what a connection takes of both processes together, without the rings that they share.',
    scenario: 'connections-1000',
    value: ({ crowd }) => (crowd?.clientKiB ?? Number.NaN) + (crowd?.serverKiB ?? Number.NaN),
    words: (kib) => `${figure(kib)} KiB`,
    axis: '@kib',
    best: 'least',
  },
];

/** Bars of one number for each subject, the best on top. */
export function barCharts(model: Model): Chart[] {
  return plots.flatMap((bars) => {
    const rows = model.rowsOf(bars.scenario).filter((row) => !Number.isNaN(bars.value(row)));
    return rows.length === 0 ? [] : [barChart(model, bars, rows)];
  });
}

function barChart(model: Model, bars: Bars, given: readonly Row[]): Chart {
  const { id, title, reading, value, words, axis, best = 'most' } = bars;
  const sign = best === 'most' ? 1 : -1; // the last category is drawn on top
  const rows = given.toSorted((a, b) => sign * (value(a) - value(b)));
  const names = rows.map(({ subject }) => subject);
  const data = rows.map((row) => {
    const { about, colour } = model.subject(row.subject);
    const lines = [
      [title, words(value(row))],
      ['p50', duration(row.p50Us)],
      ['p99', duration(row.p99Us)],
      ['CPU per call', duration(row.cpuUsPerCall)],
    ] as const;
    const label = { show: true, position: 'right', formatter: words(value(row)), fontSize: 12 };
    return { value: value(row), itemStyle: { color: colour }, label, tip: tip(row.subject, about, lines) };
  });
  return {
    id,
    title,
    reading,
    height: 40 + 24 * rows.length,
    subjects: names,
    option: optionOf(
      {
        grid: { left: 8, right: 84, top: 12, bottom: 8, containLabel: true },
        xAxis: {
          type: 'value',
          min: 0,
          splitNumber: 4,
          axisLabel: { ...axisFont, formatter: axis, hideOverlap: true },
        },
        yAxis: { type: 'category', data: names, axisLabel: { ...axisFont, interval: 0 }, axisTick: { show: false } },
        series: [{ type: 'bar', barMaxWidth: 16, barMinHeight: 2, data }],
      },
      false,
    ),
  };
}
