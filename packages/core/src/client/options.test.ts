import { describe, expect, it } from 'vitest';
import { resolveClientOptions } from './options.js';

describe('the options of a client', () => {
  it('have defaults, and are frozen', () => {
    expect(resolveClientOptions({})).toEqual({
      direction: 'duplex',
      timeout: undefined,
      urgent: false,
      connectTimeoutMs: 10_000,
      immediateGraceMs: 20,
      waitForReady: false,
      reconnect: { initialBackoffMs: 10, maxBackoffMs: 2000, multiplier: 1.6, jitter: 0.2 },
      retry: undefined,
      balance: 'pick-first',
      checksum: undefined,
      maxMetadataBytes: 8192,
      streamWindowBytes: 2 ** 20,
      streamWindowMessages: 4096,
      keepAlive: false,
      interceptors: [],
      trusted: false,
    });
    expect(Object.isFrozen(resolveClientOptions({}))).toBe(true);
  });

  it.each([
    [{ timeuot: 5 }, 'timeuot: unknown option of a client; known are direction, timeout, connectTimeoutMs'],
    [{ connectTimeoutMs: -1 }, 'connectTimeoutMs: expected milliseconds of 0 or more, found -1'],
    [{ balance: 'random' }, 'balance: expected pick-first, round-robin, least-loaded, found random'],
    [{ waitForReady: 1 }, 'waitForReady: expected true or false, found 1'],
    [{ reconnect: { maxBackofMs: 1 } }, 'reconnect.maxBackofMs: expected one of initialBackoffMs, maxBackoffMs'],
    [{ immediateGraceMs: '20' }, 'immediateGraceMs: expected milliseconds of 0 or more, found 20'],
  ])('%j are refused in words', (options, words) => {
    expect(() => resolveClientOptions(options as object)).toThrow(words);
  });
});
