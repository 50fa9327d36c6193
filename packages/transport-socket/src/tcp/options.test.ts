import { expect, it } from 'vitest';
import { tcpTransport } from '../index.js';
import { resolveTcpOptions } from './options.js';

it('has defaults for every option', () => {
  expect(resolveTcpOptions({})).toEqual({
    maxMessageBytes: 4_194_304,
    backlog: 511,
    batchBytes: 65_536,
    keepAliveIdleMs: 10_000,
    keepAliveIntervalMs: 5000,
    keepAliveCount: 3,
    unansweredMs: 20_000,
    bufferBytes: 0,
  });
});

it('says what is wrong with each option', () => {
  expect(
    tcpTransport.validateOptions({ mode: 0o600, keepAliveCount: 200, unansweredMs: -1, keepAliveIdleMs: 0.5 }),
  ).toEqual([
    'mode: unknown option; known are allow, backlog, batchBytes, bufferBytes, direction, keepAliveCount, keepAliveIdleMs, keepAliveIntervalMs, maxMessageBytes, unansweredMs',
    'keepAliveCount: expected a whole number from 1 to 127, found 200',
    'unansweredMs: expected a whole number from 0 to 2147483647, found -1',
    'keepAliveIdleMs: expected a whole number from 0 to 32767000, found 0.5',
  ]);
});
