import { expect, it } from 'vitest';
import { pipeTransport } from '../index.js';
import { resolvePipeOptions } from './options.js';

it('fills in defaults, and lets nobody change them afterwards', () => {
  const resolved = resolvePipeOptions({});
  expect(resolved).toEqual({ maxMessageBytes: 4_194_304, batchBytes: 65_536 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

it('keeps what is given', () => {
  const given = { maxMessageBytes: 100, batchBytes: 2048 };
  expect(resolvePipeOptions(given)).toEqual(given);
});

for (const [options, words] of [
  [{ batchBytes: 10 }, 'batchBytes: expected a whole number from 1024 to 1073741824, found 10'],
  [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes: expected a whole number from 64 to 1073741824, found 2147483648'],
  [{ modes: 0o600 }, 'modes: unknown option; known are allow, batchBytes, direction, maxMessageBytes'],
  [{ allow: { user: 1 } }, 'allow: expected an object with uid and/or gid'],
] as const) {
  it(`finds what is wrong with ${JSON.stringify(options)}`, () => {
    expect(pipeTransport.validateOptions(options as never)).toEqual([expect.stringContaining(words)]);
    expect(() => resolvePipeOptions(options as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_OPTION',
        message: expect.stringContaining(words),
      }),
    );
  });
}
