import type { Interceptor, Timeout } from '@callgate/core';
import { describe, expect, it } from 'vitest';
import { deadline } from './deadline.js';
import { answered, failure, pair } from './testing/pair.js';

/** The timeout with which a call goes on. */
function passed(interceptor: Interceptor, timeout?: Timeout): Timeout | undefined {
  let seen: Timeout | undefined;
  const client = answered([interceptor], (call) => {
    seen = call.timeout;
    return { text: '' };
  });
  client.echo({ text: '' }, timeout === undefined ? {} : { timeout });
  return seen;
}

describe('deadline', () => {
  it('is that of calls that state none', async () => {
    await using both = await pair(
      { echo: () => new Promise(() => undefined) },
      { client: [deadline({ default: '20ms' })] },
    );
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(passed(deadline({ default: 20 }), 50)).toBe(50);
    expect(passed(deadline({}))).toBe('never');
  });

  it('bounds what calls state, in each phase', () => {
    const bounded = deadline({ max: '1s', default: 'never' });
    expect(passed(bounded)).toBe(1000);
    expect(passed(bounded, '2m')).toBe(1000);
    expect(passed(bounded, 5)).toBe(5);
    expect(passed(bounded, 'immediate')).toBe('immediate');
    expect(passed(bounded, { send: 'immediate' })).toEqual({ send: 'immediate', reply: 1000 });
    expect(passed(bounded, { reply: 10 })).toEqual({ send: 1000, reply: 10 });
  });

  it('says what is wrong with its options', () => {
    expect(() => deadline({ default: 'soon' as never })).toThrow(
      'deadline: default: expected never, immediate, milliseconds or a duration such as 250ms, found soon',
    );
    expect(() => deadline({ max: 'immediate' })).toThrow('deadline: max: expected a length of time');
    expect(() => deadline({ min: 5 } as object)).toThrow('deadline: min: unknown option; known are default, max');
  });
});
