import { expect, it } from 'vitest';
import { Admission } from './admission.js';

it('starts a long queue of calls that are done at once in order, each with a slot, without going deeper for each', () => {
  const admission = new Admission(1, Number.POSITIVE_INFINITY);
  expect(admission.tryTake()).toBe(true);
  const started: number[] = [];
  for (let number = 0; number < 50_000; number++) {
    admission.tryQueue(() => {
      started.push(number);
      expect(admission.running).toBe(1);
      admission.release();
    });
  }
  admission.release();
  expect(started.length).toBe(50_000);
  expect(started.every((number, i) => number === i)).toBe(true);
  expect({ running: admission.running, queued: admission.queued }).toEqual({ running: 0, queued: 0 });
});

it('is idle once the last call that waited is done', async () => {
  const admission = new Admission(1, 10);
  admission.tryTake();
  admission.tryQueue(() => admission.release());
  const idle = admission.whenIdle();
  admission.release();
  await idle;
  expect(admission.running).toBe(0);
});
