import { expect, it } from 'vitest';
import { unixTransport } from '../index.js';
import { resolveUnixOptions } from './options.js';

it('fills in defaults, and lets nobody change them afterwards', () => {
  const resolved = resolveUnixOptions({});
  expect(resolved).toEqual({ maxMessageBytes: 4_194_304, mode: 0o600, backlog: 511, batchBytes: 65_536 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

it('keeps what is given', () => {
  const given = { maxMessageBytes: 100, mode: 0o660, backlog: 5, batchBytes: 2048, allow: { uid: 7 } };
  expect(resolveUnixOptions(given)).toEqual(given);
});

for (const [options, words] of [
  [{ mode: 0o1777 }, 'mode: expected permission bits from 0 to 0o777, found 1023'],
  [{ mode: '0600' }, 'mode: expected permission bits from 0 to 0o777, found "0600"'],
  [{ backlog: 0 }, 'backlog: expected a whole number from 1 to 65535, found 0'],
  [{ batchBytes: 10 }, 'batchBytes: expected a whole number from 1024 to 1073741824, found 10'],
  [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes: expected a whole number from 64 to 1073741824, found 2147483648'],
  [{ modes: 0o600 }, 'modes: unknown option; known are allow, backlog, batchBytes, direction, maxMessageBytes, mode'],
  [{ allow: { user: 1 } }, 'allow: expected an object with uid and/or gid'],
] as const) {
  it(`finds what is wrong with ${JSON.stringify(options)}`, () => {
    expect(unixTransport.validateOptions(options as never)).toEqual([expect.stringContaining(words)]);
    expect(() => resolveUnixOptions(options as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_OPTION',
        message: expect.stringContaining(words),
      }),
    );
  });
}
