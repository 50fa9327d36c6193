import { expect, test } from 'vitest';
import type { Fd } from './addon.js';
import { loadAddon } from './load.js';
import { createBell, drainBell, ringBell } from './testing/bells.js';
import { socketPair, thrownBy } from './testing/sockets.js';

const addon = loadAddon();
/** What untyped JavaScript could pass. */
const loose = addon as unknown as Record<string, (...args: unknown[]) => unknown>;

test('a range outside the array is a RangeError, whichever function gets it', () => {
  using pair = socketPair();
  const bytes = new Uint8Array(8);
  const ranges: [number, number][] = [
    [0, 9],
    [-1, 4],
    [5, 4],
    [0.5, 4],
    [0, 3.5],
    [Number.NaN, 4],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
    [2 ** 32, 2 ** 32 + 4],
    [2 ** 64, 2 ** 64],
  ];
  for (const [start, end] of ranges) {
    expect(() => addon.read(pair.server, bytes, start, end)).toThrow(RangeError);
    expect(() => addon.write(pair.server, bytes, start, end)).toThrow(RangeError);
    expect(() => addon.sendWithFds(pair.server, bytes, start, end, [])).toThrow(RangeError);
    expect(() => addon.receiveWithFds(pair.server, bytes, start, end, [], 1)).toThrow(RangeError);
  }
});

test('a subarray is bounded by itself, not by the buffer behind it', () => {
  using pair = socketPair();
  const whole = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const part = whole.subarray(2, 6);
  expect(() => addon.write(pair.client, part, 0, 5)).toThrow(RangeError);
  expect(addon.write(pair.client, part, 1, 3)).toBe(2);
  const into = new Uint8Array(8).subarray(1, 5);
  expect(addon.read(pair.server, into, 1, 4)).toBe(2);
  expect([...new Uint8Array(into.buffer)]).toEqual([0, 0, 4, 5, 0, 0, 0, 0]);
});

test('a detached array is a RangeError that says so', () => {
  using pair = socketPair();
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  expect(() => addon.write(pair.client, bytes, 0, 8)).toThrow(/its buffer detached/);
  expect(() => addon.read(pair.client, bytes, 0, 8)).toThrow(RangeError);
});

test('a read without room is refused, since its result would look like the end', () => {
  using pair = socketPair();
  expect(() => addon.read(pair.client, new Uint8Array(8), 3, 3)).toThrow(/no room/);
  expect(() => addon.receiveWithFds(pair.client, new Uint8Array(8), 3, 3, [], 1)).toThrow(/no room/);
});

test('bytes may lie in shared memory and in mapped memory', () => {
  using pair = socketPair();
  const memory = addon.createMemfd('args', 4096);
  const mapping = addon.mapMemfd(memory, 4096);
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(6);
  expect(addon.write(pair.client, shared, 0, 8)).toBe(8);
  const mapped = new Uint8Array(mapping.buffer);
  expect(addon.read(pair.server, mapped, 100, 108)).toBe(8);
  expect(mapped.subarray(99, 109)).toEqual(Uint8Array.from([0, 6, 6, 6, 6, 6, 6, 6, 6, 0]));
  mapping.close();
  expect(() => addon.read(pair.server, mapped, 0, 8)).toThrow(RangeError);
  memory.close();
});

test('a closed descriptor is refused without touching whoever has its number now', () => {
  const closed = createBell();
  const number = closed.value;
  closed.close();
  closed.close();
  expect(closed.value).toBe(-1);
  const next = createBell();
  expect(next.value).toBe(number);
  const error = thrownBy(() => ringBell(closed));
  expect(error).toMatchObject({ code: 'EBADF', syscall: 'write' });
  expect(error.message).toBe('write: EBADF (the descriptor is closed)');
  expect(thrownBy(() => drainBell(closed)).code).toBe('EBADF');
  expect(drainBell(next)).toBe(false);
  next.close();
});

test('anything that is not a descriptor of this thread is a TypeError', () => {
  const fd = createBell();
  const watcher = addon.createWatcher(fd, () => {});
  const strangers = [
    undefined,
    null,
    3,
    'fd',
    {},
    [],
    { value: fd.value },
    Object.create(fd),
    new Proxy(fd, {}),
    watcher,
  ];
  for (const stranger of strangers) {
    for (const name of ['waitingBytes', 'fdBytes', 'acceptUnix', 'peerCredentials', 'createWatcher']) {
      expect(() => loose[name]!(stranger, () => {})).toThrow(TypeError);
    }
  }
  expect(() => Reflect.construct(fd.constructor as new () => Fd, [])).toThrow(/Illegal constructor/);
  expect(() => fd.close.call({} as Fd)).toThrow(TypeError);
  watcher.close();
  fd.close();
});

test('arguments that are missing or of a wrong type are TypeErrors', () => {
  using pair = socketPair();
  const calls: [string, ...unknown[]][] = [
    ['createMemfd'],
    ['createMemfd', 'x', '4096'],
    ['listenUnix', 5, 0o600, 1],
    ['listenUnix', '/nowhere', '0600', 1],
    ['connectUnix', '/nowhere'],
    ['read', pair.client, new Uint16Array(8), 0, 8],
    ['read', pair.client, [1, 2, 3], 0, 3],
    ['write', pair.client, new DataView(new ArrayBuffer(8)), 0, 8],
    ['write', pair.client, 'text', 0, 4],
    ['write', pair.client, new Uint8Array(8)],
    ['sendWithFds', pair.client, new Uint8Array(8), 0, 8, {}],
    ['sendWithFds', pair.client, new Uint8Array(8), 0, 8, ['1']],
    ['receiveWithFds', pair.client, new Uint8Array(8), 0, 8, undefined, 1],
    ['createWatcher', pair.client],
    ['poll', [3], [1], 0],
  ];
  for (const [name, ...args] of calls) expect(() => loose[name]!(...args), name).toThrow(TypeError);
});

test('descriptors beyond what can travel, and descriptors without a byte, are RangeErrors', () => {
  using pair = socketPair();
  const bytes = new Uint8Array(1);
  expect(() => addon.sendWithFds(pair.client, bytes, 0, 1, new Array(254).fill(pair.server))).toThrow(/at most 253/);
  expect(() => addon.sendWithFds(pair.client, bytes, 0, 0, [pair.server])).toThrow(/at least one byte/);
  expect(() => addon.receiveWithFds(pair.client, bytes, 0, 1, [], 254)).toThrow(RangeError);
  expect(() => addon.sendWithFds(pair.client, bytes, 0, 1, [-1])).toThrow(RangeError);
  expect(() => addon.sendWithFds(pair.client, bytes, 0, 1, [1.5])).toThrow(RangeError);
});

test('the number of available processors is between one and those that are there', async () => {
  const { cpus } = await import('node:os');
  expect(addon.availableCpus()).toBeGreaterThanOrEqual(1);
  expect(addon.availableCpus()).toBeLessThanOrEqual(cpus().length);
  expect(addon.currentCpu()).toBeGreaterThanOrEqual(0);
  expect(addon.currentCpu()).toBeLessThan(1 << 20);
});

test('a thread that leaves its processor goes on another, and may use both afterwards', () => {
  const before = addon.availableCpus();
  const here = addon.currentCpu();
  const left = addon.leaveCpu();
  expect(left).toBe(before > 1);
  if (left) expect(addon.currentCpu()).not.toBe(here);
  expect(addon.availableCpus()).toBe(before);
});
