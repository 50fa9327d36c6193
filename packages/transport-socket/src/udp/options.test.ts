import { expect, it } from 'vitest';
import { udpTransport } from '../index.js';
import { resolveUdpOptions } from './options.js';

it('has defaults for every option', () => {
  expect(resolveUdpOptions({})).toEqual({
    maxMessageBytes: 1400,
    whileUnreachable: 'fail',
    idleMs: 60_000,
    maxLinks: 1024,
  });
});

it('says what is wrong with each option', () => {
  expect(
    udpTransport.validateOptions({
      maxMessageBytes: 65_492,
      whileUnreachable: 'hope',
      resendMs: 0,
      resendLeastMs: 0.5,
      replyCacheEntries: 100,
      mode: 0o600,
    }),
  ).toEqual([
    'maxMessageBytes: expected a whole number from 128 to 65491, found 65492',
    'whileUnreachable: expected one of fail, wait, found "hope"',
    'resendMs: expected a whole number from 1 to 5000, found 0',
    'resendLeastMs: expected a whole number from 1 to 5000, found 0.5',
    'replyCacheEntries: expected a whole number from 1024 to 1048576, found 100',
    expect.stringMatching(/^mode: unknown option; known are allow, .*idleMs, maxLinks, maxMessageBytes, /),
  ]);
});
