import type { Measurement } from './client-main.js';
import type { CrowdCost } from './crowd.js';
import { median } from './format.js';
import type { Scenario } from './scenario.js';

/** What one cell measured in one round. */
export interface Sample extends Measurement {
  readonly scenario: Scenario;
  readonly subject: string;
  readonly round: number;
}

type Figure = 'p50Us' | 'p99Us' | 'p999Us' | 'perSecond' | 'cpuUsPerCall' | 'rssMiB';

/** One row of the result: medians over the rounds. */
export interface Row {
  readonly scenario: Scenario;
  readonly subject: string;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly perSecond: number;
  readonly cpuUsPerCall: number;
  readonly rssMiB: number;
  /** Where connections are counted. */
  readonly crowd?: CrowdCost;
}

/** One row per cell, in the order in which the cells first ran. */
export function summarise(samples: readonly Omit<Sample, 'histogram'>[]): Row[] {
  const cells = new Map(samples.map(({ scenario, subject }) => [`${scenario} ${subject}`, { scenario, subject }]));
  return [...cells.values()].map(({ scenario, subject }) => {
    const cell = samples.filter((sample) => sample.scenario === scenario && sample.subject === subject);
    const middle = (field: Figure) => median(cell.map((sample) => sample[field]));
    return {
      scenario,
      subject,
      p50Us: middle('p50Us'),
      p99Us: middle('p99Us'),
      p999Us: middle('p999Us'),
      perSecond: middle('perSecond'),
      cpuUsPerCall: middle('cpuUsPerCall'),
      rssMiB: middle('rssMiB'),
      ...crowdOf(cell),
    };
  });
}

function crowdOf(cell: readonly Pick<Sample, 'crowd'>[]): { readonly crowd?: CrowdCost } {
  const crowds = cell.flatMap(({ crowd }) => (crowd === undefined ? [] : [crowd]));
  if (crowds[0] === undefined) return {};
  const middle = (value: (crowd: CrowdCost) => number) => median(crowds.map(value));
  const each = (value: (crowd: CrowdCost) => number | null) =>
    value(crowds[0]!) === null ? null : middle((crowd) => value(crowd) ?? Number.NaN);
  return {
    crowd: {
      ...crowds[0],
      clientTicks: middle(({ clientTicks }) => clientTicks),
      serverTicks: middle(({ serverTicks }) => serverTicks),
      clientKiB: each(({ clientKiB }) => clientKiB),
      serverKiB: each(({ serverKiB }) => serverKiB),
      sharedKiB: each(({ sharedKiB }) => sharedKiB),
    },
  };
}
