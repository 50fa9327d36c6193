import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAddress } from './address.js';
import { checkMeetingPath, checkSocketPath, filePlace, socketPath } from './socket-path.js';

const before = process.env.XDG_RUNTIME_DIR;
let scratch: string;
let runtime: string;

const pathOf = (url: string): string => socketPath(parseAddress(url));
const denied = (words: string) =>
  expect.objectContaining({
    code: 'PERMISSION_DENIED',
    reason: 'NOT_ALLOWED',
    message: expect.stringContaining(words),
  });

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-path-'));
  runtime = join(scratch, 'runtime');
  process.env.XDG_RUNTIME_DIR = runtime;
});

afterEach(() => {
  if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = before;
  rmSync(scratch, { recursive: true, force: true });
});

it('takes an absolute path as it is, and a relative one from the working directory', () => {
  expect(pathOf('unix:/run/geo.sock')).toBe('/run/geo.sock');
  expect(pathOf('unix:./geo.sock')).toBe(resolve('geo.sock'));
  expect(pathOf('unix:../geo.sock')).toBe(resolve('..', 'geo.sock'));
  expect(existsSync(runtime)).toBe(false);
});

it('puts a bare name into the runtime directory, apart for each scheme, making the directory private', () => {
  expect(pathOf('unix:geo')).toBe(join(runtime, 'callgate-geo.unix.sock'));
  expect(pathOf('shm:geo')).toBe(join(runtime, 'callgate-geo.shm.sock'));
  expect(statSync(runtime).mode & 0o777).toBe(0o700);
});

it('puts a bare name into a directory of its user below /tmp when there is no runtime directory', () => {
  const expected = `/tmp/callgate-${process.geteuid?.()}/callgate-geo.unix.sock`;
  delete process.env.XDG_RUNTIME_DIR;
  expect(pathOf('unix:geo')).toBe(expected);
  process.env.XDG_RUNTIME_DIR = 'relative/is/ignored';
  expect(pathOf('unix:geo')).toBe(expected);
});

it('refuses a directory that others can write to', () => {
  mkdirSync(runtime);
  for (const mode of [0o770, 0o707, 0o722]) {
    chmodSync(runtime, mode);
    expect(() => pathOf('unix:geo')).toThrow(denied(`mode is 0${mode.toString(8)}`));
  }
  chmodSync(runtime, 0o755);
  expect(pathOf('unix:geo')).toContain(runtime);
});

it('refuses a symbolic link in place of the directory', () => {
  const real = join(scratch, 'real');
  mkdirSync(real, { mode: 0o700 });
  symlinkSync(real, runtime);
  expect(() => pathOf('unix:geo')).toThrow(denied('is a symbolic link'));
});

it('refuses a file in place of the directory', () => {
  writeFileSync(runtime, '');
  expect(() => pathOf('unix:geo')).toThrow(denied('is not a directory'));
});

it('refuses a directory that belongs to somebody else', () => {
  if (process.geteuid?.() === 0) {
    mkdirSync(runtime, { mode: 0o700 });
    chownSync(runtime, 12_345, 12_345);
  } else {
    process.env.XDG_RUNTIME_DIR = '/usr';
  }
  expect(() => pathOf('unix:geo')).toThrow(denied('belongs to uid '));
});

it('says so when the runtime directory cannot be made', () => {
  process.env.XDG_RUNTIME_DIR = join(scratch, 'no', 'such');
  expect(() => pathOf('unix:geo')).toThrow(/cannot make the directory .*XDG_RUNTIME_DIR/);
});

for (const path of ['a/b', 'a b', 'é', '~x', '.', '..', '%2E']) {
  it(`refuses unix:${path}, which is neither a path nor a bare name`, () => {
    expect(() => pathOf(`unix:${path}`)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', reason: 'BAD_ADDRESS' }),
    );
  });
}

it('refuses a path that is longer than the system allows, counting bytes', () => {
  expect(pathOf(`unix:/${'a'.repeat(106)}`)).toHaveLength(107);
  expect(() => pathOf(`unix:/${'a'.repeat(107)}`)).toThrow(/has 108 bytes, and the system's limit is 107/);
  expect(() => pathOf(`unix:/${'é'.repeat(54)}`)).toThrow(/has 109 bytes/);
});

it('checks an address by its text alone, before there is any directory', () => {
  const long = `unix:/run/${'x'.repeat(104)}`;
  const sound = ['unix:geo', 'unix:/run/geo.sock', 'unix:../geo.sock', `unix:./${'x'.repeat(200)}`];
  for (const url of sound) expect(() => checkSocketPath(parseAddress(url))).not.toThrow();
  expect(() => checkSocketPath(parseAddress(long))).toThrow("has 109 bytes, and the system's limit is 107");
  expect(() => checkMeetingPath(parseAddress(long))).not.toThrow();
  expect(() => checkSocketPath(parseAddress('unix:a/b'))).toThrow('found "a/b"');
  expect(existsSync(runtime)).toBe(false);
});

it('knows a place however its path is spelt', () => {
  const place = (url: string): string => filePlace(parseAddress(url));
  for (const url of ['unix:/run/geo', 'unix:///run/geo', 'unix:/run//geo', 'unix:/run/x/../geo', 'unix:/run/./geo'])
    expect(place(url)).toBe('unix:/run/geo');
  expect(place('unix:./geo')).toBe(`unix:${join(process.cwd(), 'geo')}`);
  expect(place('unix:geo')).toBe('unix:geo');
});
