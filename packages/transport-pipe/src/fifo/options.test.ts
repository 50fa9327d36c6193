import { expect, it } from 'vitest';
import { fifoTransport } from '../index.js';
import { resolveFifoOptions } from './options.js';

it('fills in defaults, and lets nobody change them afterwards', () => {
  const resolved = resolveFifoOptions({});
  expect(resolved).toEqual({ maxMessageBytes: 4_194_304, mode: 0o600, batchBytes: 65_536 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

it('keeps what is given', () => {
  const given = { maxMessageBytes: 100, mode: 0o660, batchBytes: 2048 };
  expect(resolveFifoOptions(given)).toEqual(given);
});

for (const [options, words] of [
  [{ mode: 0o1777 }, 'mode: expected permission bits from 0 to 0o777, found 1023'],
  [{ mode: '0600' }, 'mode: expected permission bits from 0 to 0o777, found "0600"'],
  [{ batchBytes: 10 }, 'batchBytes: expected a whole number from 1024 to 1073741824, found 10'],
  [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes: expected a whole number from 64 to 1073741824, found 2147483648'],
  [{ modes: 0o600 }, 'modes: unknown option; known are allow, batchBytes, direction, maxMessageBytes, mode'],
  [{ allow: { user: 1 } }, 'allow: expected an object with uid and/or gid'],
] as const) {
  it(`finds what is wrong with ${JSON.stringify(options)}`, () => {
    expect(fifoTransport.validateOptions(options as never)).toEqual([expect.stringContaining(words)]);
    expect(() => resolveFifoOptions(options as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_OPTION',
        message: expect.stringContaining(words),
      }),
    );
  });
}
