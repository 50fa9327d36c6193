import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RpcError } from '../errors/index.js';
import type { Handle } from './contract.js';
import { checkHandles } from './ends.js';
import { checkAreHandles, handleOf } from './handle.js';

it('owns the descriptor that it was made of, and closes it once', () => {
  const number = openSync('/dev/null', 'r');
  const handle = handleOf(number);
  expect(handle.value).toBe(number);
  handle.close();
  const other = openSync('/dev/null', 'r');
  handle.close();
  handle[Symbol.dispose]();
  expect([other, handle.value, handle.detach()]).toEqual([number, -1, -1]);
  closeSync(other);
});

it('gives the number away when it is asked to', () => {
  const number = openSync('/dev/null', 'r');
  {
    using handle = handleOf(number);
    expect(handle.detach()).toBe(number);
  }
  expect(fstatSync(number).isCharacterDevice()).toBe(true);
  closeSync(number);
});

it('refuses a number that is nobody’s', () => {
  for (const number of [-1, 1_000_000, 0.5]) {
    expect(() => handleOf(number)).toThrow(
      expect.toSatisfy((error) => RpcError.is(error) && error.code === 'INVALID_ARGUMENT'),
    );
  }
});

it.each([
  [[3], 'handles[0]: expected a Handle (handleOf makes one), found 3'],
  [[{ value: 0 }], 'handles[0]: expected a Handle (handleOf makes one), found another object'],
  [[undefined], 'handles[0]: expected a Handle (handleOf makes one), found undefined'],
])('of %j nothing is sent, and it is said which is no handle', (handles, words) => {
  const given = handles as unknown as readonly Handle[];
  expect(() => checkHandles(given, 64, 'the peer')).toThrow(words);
  expect(() => checkAreHandles(given)).toThrow(words);
});
