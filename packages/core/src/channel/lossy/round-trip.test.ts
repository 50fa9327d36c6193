import { expect, it } from 'vitest';
import { resolveLossyOptions } from '../../transport/lossy-options.js';
import { RoundTrip, RoundTrips } from './round-trip.js';

const trip = (options = {}): RoundTrip => new RoundTrip(resolveLossyOptions(options));

it('waits for what the options say until something was measured', () => {
  expect(trip().waitMs).toBe(50);
  expect(trip({ resendMs: 7 }).waitMs).toBe(7);
});

it('computes with the numbers of RFC 6298', () => {
  const one = trip();
  one.measured(100);
  // SRTT 100, RTTVAR 50.
  expect(one.waitMs).toBe(300);
  one.measured(60);
  // RTTVAR 3/4 of 50 and 1/4 of 40, then SRTT 7/8 of 100 and 1/8 of 60.
  expect(one.waitMs).toBe(95 + 4 * 47.5);
  for (let i = 0; i < 100; i++) one.measured(60);
  // What varies no more is waited for with the granularity of a timer.
  expect(one.waitMs).toBeCloseTo(61, 1);
});

it('stays within the bounds of the options', () => {
  const one = trip();
  one.measured(0.05);
  expect(one.waitMs).toBe(10);
  one.measured(60_000);
  expect(one.waitMs).toBe(1000);
  expect(trip({ resendMs: 2 }).waitMs).toBe(2);
  expect(trip({ resendLeastMs: 200 }).waitMs).toBe(200);
  const quick = trip({ resendMs: 2, resendMostMs: 3 });
  quick.measured(0.05);
  expect(quick.waitMs).toBeCloseTo(2);
  quick.measured(60_000);
  expect(quick.waitMs).toBe(3);
});

it('waits longer after what was sent again, of which it learns nothing, until something is measured', () => {
  const one = trip();
  for (const waitMs of [100, 200, 400]) {
    one.backedOff(waitMs);
    expect(one.waitMs).toBe(waitMs);
  }
  // Others were sent before that, and waited less.
  one.backedOff(100);
  expect(one.waitMs).toBe(400);
  one.backedOff(2000);
  expect(one.waitMs).toBe(1000);
  one.measured(300);
  expect(one.waitMs).toBe(900);
});

it('knows each method by itself', () => {
  const trips = new RoundTrips(resolveLossyOptions({}));
  const [quick, slow] = [trips.of(1), trips.of(2)];
  slow.measured(300);
  quick.measured(1);
  expect([trips.of(1).waitMs, trips.of(2).waitMs, trips.of(3).waitMs]).toEqual([10, 900, 50]);
  expect(trips.of(1)).toBe(quick);
});
