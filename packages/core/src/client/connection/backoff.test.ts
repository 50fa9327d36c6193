import { expect, it } from 'vitest';
import { Reason, RpcError } from '../../errors/index.js';
import { Backoff, type ReconnectOptions, resolveReconnectOptions } from './backoff.js';

/** How long after each of so many failures the next attempt may be made. */
function waits(count: number, options: ReconnectOptions, random = () => 0.5): number[] {
  const backoff = new Backoff(resolveReconnectOptions(options), random);
  return Array.from({ length: count }, () => {
    backoff.failed(1000);
    return Math.round((backoff.retryAt - 1000) * 100) / 100;
  });
}

it('The attempt after the first failure is made at once, the next ones after growing waits.', () => {
  expect(waits(6, {})).toEqual([0, 10, 16, 25.6, 40.96, 65.54]);
});

it('No wait is longer than two seconds, unless the options say so.', () => {
  expect(waits(20, {}).at(-1)).toBe(2000);
  expect(waits(4, { initialBackoffMs: 100, multiplier: 10, maxBackoffMs: 500 })).toEqual([0, 100, 500, 500]);
});

it('Each wait is longer or shorter by up to a fifth.', () => {
  expect(waits(3, {}, () => 0)).toEqual([0, 8, 12.8]);
  expect(waits(3, {}, () => 1)).toEqual([0, 12, 19.2]);
  expect(waits(3, { jitter: 0 }, () => 1)).toEqual([0, 10, 16]);
});

it('A success begins anew.', () => {
  const backoff = new Backoff(resolveReconnectOptions(), () => 0.5);
  for (let i = 0; i < 5; i++) backoff.failed(0);
  backoff.succeeded();
  expect(backoff.retryAt).toBeLessThan(0);
  backoff.failed(7);
  expect(backoff.retryAt).toBe(7);
});

it.each([
  [{ initialBackoffMs: -1 }, 'reconnect.initialBackoffMs: expected milliseconds of 0 or more, found -1'],
  [{ maxBackoffMs: Number.NaN }, 'reconnect.maxBackoffMs: expected milliseconds of 0 or more, found NaN'],
  [{ multiplier: 0.5 }, 'reconnect.multiplier: expected a number of 1 or more, found 0.5'],
  [{ jitter: 2 }, 'reconnect.jitter: expected a number from 0 to 1, found 2'],
  [
    { backoff: 1 } as ReconnectOptions,
    'reconnect.backoff: expected one of initialBackoffMs, maxBackoffMs, multiplier, jitter, found backoff',
  ],
  ['fast' as ReconnectOptions, 'reconnect: expected a map of options, found fast'],
])('Options that make no sense are told: %j', (options, words) => {
  expect(() => resolveReconnectOptions(options)).toThrow(
    new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION }),
  );
});
