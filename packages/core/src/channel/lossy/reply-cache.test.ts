import { expect, it } from 'vitest';
import { resolveLossyOptions } from '../../transport/lossy-options.js';
import { Asked, ReplyCache } from './reply-cache.js';

const ENTRIES = 1024;

function cache(options = {}): ReplyCache {
  return new ReplyCache(
    resolveLossyOptions({ replyCacheEntries: ENTRIES, replyCacheBytes: 1000, replyCacheMs: 100, ...options }),
  );
}

const copy = (into: ReplyCache, bytes: Buffer) => into.copy(bytes, 0, bytes.length);

function text(asked: Asked | undefined): string | undefined {
  return asked?.answer?.bytes.toString('utf8', 0, asked.answer.length);
}

function run(into: ReplyCache, number: number, answer?: Buffer, nowMs = 0): void {
  const asked = new Asked(number, number, false, false);
  into.add(asked);
  into.finish(asked, answer && copy(into, answer), nowMs);
}

it('knows what was asked, whether its handler runs or has answered', () => {
  const known = cache();
  expect(known.judge(1)).toBe('new');
  const asked = new Asked(1, 1, false, false);
  known.add(asked);
  expect(known.judge(1)).toBe('known');
  known.finish(asked, copy(known, Buffer.from('answer')), 0);
  expect(known.judge(1)).toBe('known');
  expect(text(known.get(1))).toBe('answer');
});

it('lets go of answers that the caller is done with, and never takes what comes of them for new', () => {
  const known = cache();
  for (let number = 1; number <= 10; number++) run(known, number, Buffer.from('x'));
  known.acknowledge(8);
  expect(known.size).toEqual({ asked: 3, answers: 3, bytes: 3 });
  for (let number = 1; number < 8; number++) expect(known.judge(number)).toBe('unwanted');
  // An old duplicate does not bring back what was wanted then.
  known.acknowledge(2);
  expect(known.judge(7)).toBe('unwanted');
  expect(known.judge(11)).toBe('new');
});

it('forgets answers that are too many bytes or too old, the oldest first, but never that they were asked for', () => {
  const known = cache();
  for (let number = 1; number <= 4; number++) run(known, number, Buffer.alloc(300), number);
  expect(known.size).toEqual({ asked: 4, answers: 3, bytes: 900 });
  expect([known.judge(1), known.get(1)!.answer]).toEqual(['known', undefined]);
  run(known, 5, Buffer.from('y'), 103);
  expect(known.size).toEqual({ asked: 5, answers: 3, bytes: 601 });
  run(known, 6, Buffer.alloc(1001), 103);
  expect([known.judge(6), known.get(6)!.answer]).toEqual(['known', undefined]);
});

it('refuses what is older than all that it could remember', () => {
  const known = cache();
  run(known, 1);
  run(known, ENTRIES + 1);
  expect(known.judge(2)).toBe('new');
  run(known, ENTRIES + 2);
  expect(known.judge(2)).toBe('too old');
  expect(known.judge(3)).toBe('new');
});

it('remembers a call that runs, however many others have run meanwhile, and stays within its bounds', () => {
  const known = cache();
  const slow = new Asked(1, 1, false, false);
  known.add(slow);
  for (let number = 2; number < 10_000; number++) run(known, number, Buffer.from('x'), number / 1000);
  expect(known.judge(1)).toBe('known');
  expect(known.size.asked).toBeLessThanOrEqual(2 * ENTRIES + 1);
  expect(known.size.answers).toBeLessThanOrEqual(ENTRIES);
  expect(known.judge(5000)).toBe('too old');
  known.finish(slow, copy(known, Buffer.from('at last')), 11);
  expect(text(known.get(1))).toBe('at last');
});

it('goes on where numbers wrap around', () => {
  const known = cache();
  const start = 2 ** 32 - 5;
  known.acknowledge(2 ** 31 - 1);
  known.acknowledge(start);
  for (let i = 0; i < 10; i++) {
    const number = (start + i) >>> 0;
    expect(known.judge(number)).toBe('new');
    run(known, number, Buffer.from('x'));
    expect(known.judge(number)).toBe('known');
  }
  known.acknowledge(3);
  expect(known.size.asked).toBe(2);
  expect(known.judge(start)).toBe('unwanted');
});
