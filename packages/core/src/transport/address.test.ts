import { expect, it } from 'vitest';
import { parseAddress } from './address.js';

for (const [url, scheme, path] of [
  ['unix:/run/geo.sock', 'unix', '/run/geo.sock'],
  ['unix:///run/geo.sock', 'unix', '/run/geo.sock'],
  ['unix:geo', 'unix', 'geo'],
  ['shm:geo', 'shm', 'geo'],
  ['unix:./geo.sock', 'unix', './geo.sock'],
  ['UNIX:/Run/Geo', 'unix', '/Run/Geo'],
  ['tcp://[::1]:7000', 'tcp', '[::1]:7000'],
  ['shm+sysv:geo', 'shm+sysv', 'geo'],
  ['unix:/with%20space%3F%23%25/%C3%A9', 'unix', '/with space?#%/é'],
] as const) {
  it(`understands ${url}`, () => {
    expect(parseAddress(url)).toEqual({ url, scheme, path });
  });
}

for (const [url, words] of [
  ['', 'expected <scheme>:<address>'],
  ['/run/geo.sock', 'expected <scheme>:<address>'],
  [':geo', 'expected <scheme>:<address>'],
  ['7up:geo', 'expected <scheme>:<address>'],
  ['unix:', 'nothing follows "unix:"'],
  ['unix://', 'nothing follows "unix:"'],
  ['unix:/a?mode=1', '%3F'],
  ['unix:/a#b', '%23'],
  ['unix:/a%2', 'two hexadecimal digits'],
  ['unix:/a%FFb', 'two hexadecimal digits'],
  ['unix:/a%00b', 'NUL'],
  [undefined, 'expected text, found undefined'],
  [null, 'expected text, found null'],
] as const) {
  it(`refuses ${url === '' ? 'an empty URL' : url} with words that help`, () => {
    expect(() => parseAddress(url as string)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_ADDRESS',
        message: expect.stringContaining(words),
      }),
    );
  });
}
