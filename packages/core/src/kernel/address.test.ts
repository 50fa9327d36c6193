import { describe, expect, test } from 'vitest';
import { parseUrl } from './address.js';
import { thrownBy } from './testing/thrown.js';

describe('The query of a URL', () => {
  test('is no part of the address.', () => {
    expect(parseUrl('shm:///run/a%20b?strategy=spin').address).toEqual({
      url: 'shm:///run/a%20b',
      scheme: 'shm',
      path: '/run/a b',
    });
  });

  test('gives options: JSON where it is JSON, text otherwise.', () => {
    expect(parseUrl('shm:geo?ringBytes=65536&strategy=spin&allow=%7B%22uid%22%3A0%7D&mode=0600').options).toEqual({
      ringBytes: 65536,
      strategy: 'spin',
      allow: { uid: 0 },
      mode: '0600',
    });
  });

  test.each([
    ['shm:geo?spin', 'bad address "shm:geo?spin": "spin" is not option=value'],
    ['shm:geo?=1', 'bad address "shm:geo?=1": "=1" is not option=value'],
    ['shm:geo?a=1&a=2', 'bad address "shm:geo?a=1&a=2": the option "a" is given twice'],
    ['shm:geo?__proto__=1', 'bad address "shm:geo?__proto__=1": "__proto__" is not a permitted option name'],
    [
      'shm:geo?a=%',
      'bad address "shm:geo?a=%": a "%" must be followed by two hexadecimal digits (and be written %25 to mean itself)',
    ],
  ])('is refused in %s.', (url, message) => {
    const error = thrownBy(() => parseUrl(url));
    expect(error.message).toBe(message);
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_ADDRESS']);
  });
});
