import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

/** Counts durations, exactly below 65.536 us and to three digits above. */
export interface Recorder {
  /** @param ms a duration in milliseconds, as the difference of two `performance.now()` */
  record(ms: number): void;
  /** @param ns a duration in nanoseconds that occurred `times` times */
  add(ns: number, times: number): void;
  /** What was counted so far. */
  recording(): Recording;
}

export interface Recording {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** All of it, in nanoseconds: HdrHistogram's V2 format, compressed, in base64. */
  readonly histogram: string;
}

const fineNs = 1 << 16;
const longestNs = 3600e9;

function emptyHistogram(numberOfSignificantValueDigits: 2 | 3): Histogram {
  return build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: longestNs,
    numberOfSignificantValueDigits,
  });
}

export function createRecorder(): Recorder {
  // A histogram takes 70 ns to record a value: too much beside a call of 1,000. Short durations are counted in an array,
  // in 2 ns, and enter the histogram at the end.
  const fine = new Uint32Array(fineNs);
  const histogram = emptyHistogram(3);
  return {
    record(ms) {
      const ns = Math.round(ms * 1e6);
      if (ns >= 0 && ns < fineNs) fine[ns]! += 1;
      else histogram.recordValue(Math.min(Math.max(ns, 0), longestNs));
    },
    add(ns, times) {
      histogram.recordValueWithCount(Math.min(ns, longestNs), times);
    },
    recording() {
      for (let ns = 0; ns < fineNs; ns++) {
        if (fine[ns]! > 0) histogram.recordValueWithCount(ns, fine[ns]!);
      }
      fine.fill(0);
      return recordingOf(histogram);
    },
  };
}

function recordingOf(histogram: Histogram): Recording {
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  return {
    count: histogram.totalCount,
    p50Us: at(50),
    p99Us: at(99),
    p999Us: at(99.9),
    maxUs: histogram.maxValue / 1000,
    histogram: encodeIntoCompressedBase64(histogram),
  };
}

/** What several recorders counted together. */
export function mergeHistograms(histograms: readonly string[]): Recording {
  const all = emptyHistogram(3);
  for (const text of histograms) all.add(read(text));
  return recordingOf(all);
}

/** The same to two digits, which is what a picture can show, in a fraction of the text. */
export function coarsely(histogram: string): string {
  const coarse = emptyHistogram(2);
  coarse.add(read(histogram));
  return encodeIntoCompressedBase64(coarse);
}

/** The values in microseconds at so many percentiles of what was counted. */
export function valuesAt(histogram: string, percentiles: readonly number[]): number[] {
  const all = read(histogram);
  return percentiles.map((percentile) => all.getValueAtPercentile(percentile) / 1000);
}

const read = (text: string) => decodeFromCompressedBase64(text, 64, false);
