import { build } from 'hdr-histogram-js';

/** Counts durations, exactly below 65.536 us and to three digits above. */
export interface Recorder {
  /** @param ms a duration in milliseconds, as the difference of two `performance.now()` */
  record(ms: number): void;
  /** @param ns a duration in nanoseconds that occurred `times` times */
  add(ns: number, times: number): void;
  percentiles(): Percentiles;
}

export interface Percentiles {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const fineNs = 1 << 16;
const longestNs = 3600e9;

export function createRecorder(): Recorder {
  // A histogram takes 70 ns to record a value: too much beside a call of 1,000. Short durations are counted in an array,
  // in 2 ns, and enter the histogram at the end.
  const fine = new Uint32Array(fineNs);
  const histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: longestNs,
    numberOfSignificantValueDigits: 3,
  });
  return {
    record(ms) {
      const ns = Math.round(ms * 1e6);
      if (ns >= 0 && ns < fineNs) fine[ns]! += 1;
      else histogram.recordValue(Math.min(Math.max(ns, 0), longestNs));
    },
    add(ns, times) {
      histogram.recordValueWithCount(Math.min(ns, longestNs), times);
    },
    percentiles() {
      for (let ns = 0; ns < fineNs; ns++) {
        if (fine[ns]! > 0) histogram.recordValueWithCount(ns, fine[ns]!);
      }
      fine.fill(0);
      return {
        count: histogram.totalCount,
        p50Us: histogram.getValueAtPercentile(50) / 1000,
        p99Us: histogram.getValueAtPercentile(99) / 1000,
      };
    },
  };
}
