import { build, type Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { LONGEST_NS, SLOTS, shortestIn, slotOf } from './slots.js';

const durations = Array.from({ length: 20_000 }, (_, i) => Math.floor(1.0015 ** i) % LONGEST_NS);

function empty(): Histogram {
  return build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NS,
    numberOfSignificantValueDigits: 2,
  });
}

describe('The slot in which a duration is counted', () => {
  it('begins at most 1 % below the duration, and never above it.', () => {
    for (const ns of durations) {
      const shortest = shortestIn(slotOf(ns));
      expect(shortest).toBeLessThanOrEqual(ns);
      expect(ns - shortest).toBeLessThanOrEqual(ns / 100);
    }
  });

  it('grows with the duration, and there is one for each.', () => {
    expect(slotOf(0)).toBe(0);
    expect(slotOf(LONGEST_NS)).toBe(SLOTS - 1);
    expect(slotOf(Number.POSITIVE_INFINITY)).toBe(SLOTS - 1);
    for (let slot = 0; slot < SLOTS; slot++) expect(slotOf(shortestIn(slot))).toBe(slot);
    for (let slot = 1; slot < SLOTS; slot++) expect(slotOf(shortestIn(slot) - 0.5)).toBe(slot - 1);
  });

  it('tells HdrHistogram as much as the duration itself.', () => {
    const [exact, bySlots] = [empty(), empty()];
    for (const ns of durations) {
      exact.recordValue(ns);
      bySlots.recordValue(shortestIn(slotOf(ns)));
    }
    for (const percentile of [0, 1, 50, 90, 99, 99.9, 100])
      expect(bySlots.getValueAtPercentile(percentile)).toBe(exact.getValueAtPercentile(percentile));
  });
});
