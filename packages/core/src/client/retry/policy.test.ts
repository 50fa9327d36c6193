import { expect, it } from 'vitest';
import { Reason, RpcError } from '../../errors/index.js';
import { type RetryPolicy, resolveRetry } from './policy.js';
import { Throttle } from './throttle.js';

it('A policy has defaults for all that it does not say.', () => {
  expect(resolveRetry({})).toEqual({
    maxAttempts: 4,
    initialBackoffMs: 10,
    maxBackoffMs: 1000,
    multiplier: 2,
    retryableStatusCodes: new Set(['UNAVAILABLE']),
    throttling: { maxTokens: 1000, tokenRatio: 0.1 },
  });
  expect(resolveRetry(false)).toBe(false);
  expect(resolveRetry(undefined)).toBe(undefined);
});

it.each([
  [
    { maxAttempts: 6 },
    'retry.maxAttempts: expected a whole number from 2 to 5 (retry: false makes no second attempt), found 6',
  ],
  [
    { maxAttempts: 1 },
    'retry.maxAttempts: expected a whole number from 2 to 5 (retry: false makes no second attempt), found 1',
  ],
  [{ initialBackoffMs: -1 }, 'retry.initialBackoffMs: expected milliseconds of 0 or more, found -1'],
  [{ maxBackoffMs: Number.NaN }, 'retry.maxBackoffMs: expected milliseconds of 0 or more, found NaN'],
  [{ multiplier: 0 }, 'retry.multiplier: expected a number of 1 or more, found 0'],
  [
    { retryableStatusCodes: ['UNAVAILABLE', 'TIRED'] } as unknown as RetryPolicy,
    'retry.retryableStatusCodes: expected a list of status codes such as UNAVAILABLE, found TIRED',
  ],
  [
    { throttling: { maxTokens: 1001 } },
    'retry.throttling.maxTokens: expected a number of more than 0, 1000 at most, found 1001',
  ],
  [{ throttling: { tokenRatio: 0 } }, 'retry.throttling.tokenRatio: expected a number of more than 0, found 0'],
  [
    { throttling: { ratio: 1 } } as RetryPolicy,
    'retry.throttling: expected a map of maxTokens, tokenRatio, found ratio',
  ],
  [
    { attempts: 3 } as RetryPolicy,
    'retry: expected a map of maxAttempts, initialBackoffMs, maxBackoffMs, multiplier, retryableStatusCodes, throttling, found attempts',
  ],
  [true as unknown as RetryPolicy, 'retry: expected a policy or false, found true'],
])('A policy that makes no sense is refused in words: %j', (policy, words) => {
  expect(() => resolveRetry(policy)).toThrow(new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION }));
});

it('Retries stop when half of the tokens are gone, and begin again when successes have brought some back.', () => {
  const throttle = new Throttle({ maxTokens: 4, tokenRatio: 0.5 });
  throttle.failed();
  expect(throttle.permits).toBe(true);
  throttle.failed();
  expect(throttle.permits).toBe(false);
  for (let i = 0; i < 10; i++) throttle.failed();
  for (let i = 0; i < 4; i++) throttle.succeeded();
  expect(throttle.permits).toBe(false);
  throttle.succeeded();
  expect(throttle.permits).toBe(true);
  for (let i = 0; i < 100; i++) throttle.succeeded();
  throttle.failed();
  throttle.failed();
  expect(throttle.permits).toBe(false);
});
