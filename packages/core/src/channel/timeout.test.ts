import { describe, expect, it } from 'vitest';
import { parseTimeout, resolveTimeout, type Timeout } from './timeout.js';

const NEVER = Number.POSITIVE_INFINITY;

describe('a timeout', () => {
  it.each<[Timeout | undefined, object]>([
    [undefined, { immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true }],
    ['never', { immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true }],
    [NEVER, { immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true }],
    [0, { immediate: false, sendMs: 0, replyMs: 0, shared: true }],
    [250, { immediate: false, sendMs: 250, replyMs: 250, shared: true }],
    [2 ** 40, { immediate: false, sendMs: 2 ** 40, replyMs: 2 ** 40, shared: true }],
    ['immediate', { immediate: true, sendMs: 0, replyMs: NEVER, shared: false }],
    [
      { send: 'immediate', reply: 100 },
      { immediate: true, sendMs: 0, replyMs: 100, shared: false },
    ],
    [{ send: 50 }, { immediate: false, sendMs: 50, replyMs: NEVER, shared: false }],
    [{ reply: 50 }, { immediate: false, sendMs: NEVER, replyMs: 50, shared: false }],
    [{}, { immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true }],
  ])('of %j means the phases %j', (timeout, phases) => {
    expect(resolveTimeout(timeout)).toEqual(phases);
  });

  it.each([
    [-1, "timeout: expected 'never', 'immediate', or milliseconds of 0 or more, found -1"],
    [Number.NaN, "timeout: expected 'never', 'immediate', or milliseconds of 0 or more, found NaN"],
    ['soon', "timeout: expected 'never', 'immediate', or milliseconds of 0 or more, found soon"],
    [{ reply: '5' }, "timeout.reply: expected 'never', 'immediate', or milliseconds of 0 or more, found 5"],
    [{ sned: 5 }, 'timeout.sned: unknown phase; known are send and reply'],
  ])('of %j is refused in words', (timeout, words) => {
    expect(() => resolveTimeout(timeout as Timeout)).toThrow(words);
  });

  it.each([
    ['never', 'never'],
    ['immediate', 'immediate'],
    ['250ms', 250],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['500us', 0.5],
    ['5', undefined],
    ['5 s', undefined],
    ['', undefined],
    ['s', undefined],
  ])('is read from the text %j as %j', (text, parsed) => {
    expect(parseTimeout(text)).toBe(parsed);
  });
});
