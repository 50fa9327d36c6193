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
    ['250ms', { immediate: false, sendMs: 250, replyMs: 250, shared: true }],
    [
      { send: '1s', reply: 'never' },
      { immediate: false, sendMs: 1000, replyMs: NEVER, shared: false },
    ],
    [{}, { immediate: false, sendMs: NEVER, replyMs: NEVER, shared: true }],
  ])('of %j means the phases %j', (timeout, phases) => {
    expect(resolveTimeout(timeout)).toEqual(phases);
  });

  it('leaves a phase that it does not state as the wider place has it', () => {
    const wider = resolveTimeout(300);
    expect(resolveTimeout({ send: 50 }, wider)).toEqual({ immediate: false, sendMs: 50, replyMs: 300, shared: false });
    expect(resolveTimeout({ reply: 50 }, wider)).toEqual({ immediate: false, sendMs: 300, replyMs: 50, shared: false });
    expect(resolveTimeout({}, wider)).toBe(wider);
    expect(resolveTimeout({ reply: 50 }, resolveTimeout('immediate'))).toMatchObject({ immediate: true, replyMs: 50 });
    expect(resolveTimeout('never', wider)).toMatchObject({ sendMs: NEVER, replyMs: NEVER });
  });

  it.each([
    [-1, "timeout: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found -1"],
    [
      Number.NaN,
      "timeout: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found NaN",
    ],
    [
      'soon',
      "timeout: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found soon",
    ],
    [
      { reply: '5' },
      "timeout.reply: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found 5",
    ],
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
