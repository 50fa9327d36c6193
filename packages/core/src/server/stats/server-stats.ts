import { Code, type CodeName } from '../../errors/index.js';
import type { Routes } from '../router.js';
import { type CountsSum, emptySum, type MethodCounts } from './method-counts.js';

/** A server at one moment: plain data, which can be sent and kept as JSON. Counts are since the server was made. */
export interface ServerStats {
  readonly links: number;
  /** Calls whose handlers run. */
  readonly running: number;
  /** Calls that wait for their turn. */
  readonly queued: number;
  /** Messages of callers' streams that came after their calls had ended, and were dropped. */
  readonly lateItems: number;
  /** The threads of its pool, by what they do; absent without one. */
  readonly workers?: WorkerStats;
  /** By path: `geo.Geo/Distance`; each method that it offers. */
  readonly methods: { readonly [path: string]: MethodStats };
}

/** Each worker is counted once, save the late ones, which are busy as well. */
export interface WorkerStats {
  /** Loading its services. */
  readonly starting: number;
  /** Without a call. */
  readonly waiting: number;
  /** With calls. */
  readonly busy: number;
  /** Of those, the ones that have answered nothing for `lateAfterMs`: blocked, or stuck. */
  readonly late: number;
  /** Told to end, and about to. */
  readonly ending: number;
}

export interface MethodStats {
  /** Calls whose handlers have begun. */
  readonly started: number;
  /** Calls that were answered with a reply, or were one-way and are done. */
  readonly ok: number;
  /** Calls that ended otherwise, by status code, also those that no handler had: refused, expired, cancelled. */
  readonly failed: { readonly [code in CodeName]?: number };
  /** How long answered calls took, from their arrival to their answer; absent unless the server keeps `histograms`. */
  readonly latencyUs?: LatencyUs;
}

/** In microseconds, within 1 %; 0 where there was no call yet. Source: HdrHistogram, http://hdrhistogram.org */
export interface LatencyUs {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
  /** Answered calls: those that a handler had. */
  readonly count: number;
}

export type LatencyOf = (sum: CountsSum) => LatencyUs;

/** `elsewhere`: what other threads have counted of the method in that place. `latencyOf`: where durations are kept. */
export function methodStats(
  routes: Routes,
  elsewhere: (place: number) => readonly MethodCounts[],
  latencyOf: LatencyOf | undefined,
): ServerStats['methods'] {
  return Object.fromEntries(
    routes.map(({ path, counts }, place) => {
      const sum = emptySum(latencyOf !== undefined);
      for (const each of [counts, ...elsewhere(place)]) each.addTo(sum);
      return [path, shown(sum, latencyOf)];
    }),
  );
}

function shown(sum: CountsSum, latencyOf: LatencyOf | undefined): MethodStats {
  const failed: { [code in CodeName]?: number } = {};
  for (const [name, code] of Object.entries(Code) as [CodeName, Code][]) {
    const count = sum.ended[code]!;
    if (code !== Code.OK && count > 0) failed[name] = count;
  }
  return {
    started: sum.begun,
    ok: sum.ended[Code.OK]!,
    failed,
    ...(latencyOf !== undefined && { latencyUs: latencyOf(sum) }),
  };
}
