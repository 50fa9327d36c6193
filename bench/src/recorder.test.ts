import { expect, test } from 'vitest';
import { createRecorder } from './recorder.js';

test('percentiles are exact for short durations', () => {
  const recorder = createRecorder();
  for (let ns = 1; ns <= 1000; ns++) recorder.record(ns / 1e6);
  expect(recorder.recording()).toMatchObject({ count: 1000, p50Us: 0.5, p99Us: 0.99, p999Us: 0.999, maxUs: 1 });
});

test('percentiles keep three digits for long durations', () => {
  const recorder = createRecorder();
  for (let ms = 1; ms <= 100; ms++) recorder.record(ms);
  const { count, p50Us, p99Us } = recorder.recording();
  expect(count).toBe(100);
  expect(p50Us / 50_000).toBeCloseTo(1, 2);
  expect(p99Us / 99_000).toBeCloseTo(1, 2);
});

test('counts that another program made join the rest', () => {
  const recorder = createRecorder();
  recorder.add(200, 98);
  recorder.add(5_000_000, 2);
  const { count, p50Us, p99Us } = recorder.recording();
  expect([count, p50Us]).toEqual([100, 0.2]);
  expect(p99Us / 5000).toBeCloseTo(1, 2);
});
