/** The one file that knows HdrHistogram; loaded where durations are kept, and nowhere else. */
import { build } from 'hdr-histogram-js';
import type { CountsSum } from './method-counts.js';
import type { LatencyUs } from './server-stats.js';
import { LONGEST_NS, shortestIn } from './slots.js';

export function latencyOf({ slots, sumNs, longestNs }: CountsSum): LatencyUs {
  const histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NS,
    numberOfSignificantValueDigits: 2,
  });
  for (const [slot, count] of slots.entries()) {
    if (count > 0) histogram.recordValueWithCount(shortestIn(slot), count);
  }
  const count = histogram.totalCount;
  // The longest is known exactly; what HdrHistogram knows of it is the end of its slot.
  const at = (percentile: number): number =>
    count === 0 ? 0 : microseconds(Math.min(histogram.getValueAtPercentile(percentile), longestNs));
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: microseconds(longestNs),
    mean: count === 0 ? 0 : microseconds(sumNs / count),
    count,
  };
}

function microseconds(ns: number): number {
  return Math.round(ns) / 1000;
}
