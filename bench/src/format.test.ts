import { expect, test } from 'vitest';
import { duration, figure, median } from './format.js';

test('numbers keep three digits, or all before the point', () => {
  expect([0.6134, 12.44, 1234567.8, 0].map(figure)).toEqual(['0.613', '12.4', '1,234,568', '0']);
});

test('durations choose their unit', () => {
  expect([0.0904, 7.25, 2500].map(duration)).toEqual(['90.4 ns', '7.25 µs', '2.5 ms']);
});

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
