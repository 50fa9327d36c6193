import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { createBell, ringBell } from './testing/bells.js';
import { runScenario, startChild } from './testing/child.js';
import { socketPair, thrownBy } from './testing/sockets.js';

const addon = loadAddon();

test('each descriptor has its own four bits in the result', () => {
  using pair = socketPair();
  const bell = createBell();
  expect(addon.poll([bell, pair.client, pair.server], [1, 1, 1], 0)).toBe(0);
  ringBell(bell);
  addon.write(pair.client, Uint8Array.of(1), 0, 1);
  expect(addon.poll([pair.client, bell, pair.server], [1, 1, 1], 0)).toBe(0x110);
  expect(addon.poll([pair.client, bell, pair.server, pair.listener], [2, 3, 2, 7], 0)).toBe(0x0232);
  bell.close();
});

test('a hang-up is reported when asked for, and a full hang-up always', () => {
  using pair = socketPair();
  pair.server.close();
  expect(addon.poll([pair.client], [4], 0) & 4).toBe(4);
  expect(addon.poll([pair.client], [0], 0)).toBe(4);
});

test('a reset is reported as an error', () => {
  using pair = socketPair();
  addon.write(pair.client, Uint8Array.of(1), 0, 1);
  pair.server.close();
  expect(addon.poll([pair.client], [1], 0) & 8).toBe(8);
});

test('a finite wait ends when its time is over, not before', async () => {
  const { waited, result } = await runScenario<{ waited: number[]; result: number[] }>('poll.child', 'timeouts');
  expect(result).toEqual([0, 0, 0, 0]);
  expect(waited[0]).toBeGreaterThanOrEqual(0.3);
  expect(waited[1]).toBeGreaterThanOrEqual(20.5);
  expect(waited[2]).toBeGreaterThanOrEqual(150);
  expect(waited[3]).toBeGreaterThanOrEqual(0);
});

test('a wait of a worker that is longer than one look at its fate is as long as asked', async () => {
  const { waited } = await runScenario<{ waited: number }>('poll.child', 'worker-timeout');
  expect(waited).toBeGreaterThanOrEqual(250);
});

test('a signal does not end a wait', async () => {
  const child = startChild('poll.child', ['signals']);
  expect(await child.line()).toBe('waiting');
  for (let i = 0; i < 5; i += 1) {
    child.kill('SIGSTOP');
    child.kill('SIGCONT');
    child.kill('SIGUSR2');
  }
  const { waited, result } = JSON.parse(await child.line());
  expect(result).toBe(0);
  expect(waited).toBeGreaterThanOrEqual(400);
  await child.ended;
});

test('a wait for ever ends with the event', async () => {
  expect(await runScenario('poll.child', 'for-ever')).toBe(1);
});

test('what cannot be polled for is refused', () => {
  const bell = createBell();
  expect(() => addon.poll([], [], 0)).toThrow(/1 to 4 descriptors/);
  expect(() => addon.poll([bell, bell, bell, bell, bell], [1, 1, 1, 1, 1], 0)).toThrow(/1 to 4 descriptors/);
  expect(() => addon.poll([bell], [], 0)).toThrow(/as many events/);
  expect(() => addon.poll([bell], [8], 0)).toThrow(RangeError);
  expect(() => addon.poll([bell], [1.5], 0)).toThrow(RangeError);
  expect(() => addon.poll([bell], [1], Number.NaN)).toThrow(/must not be NaN/);
  bell.close();
  const error = thrownBy(() => addon.poll([bell], [1], 0));
  expect(error.message).toBe('poll: EBADF (the descriptor is closed)');
});

test('a timeout below zero does not wait', () => {
  const bell = createBell();
  expect(addon.poll([bell], [1], -5)).toBe(0);
  expect(addon.poll([bell], [1], Number.NEGATIVE_INFINITY)).toBe(0);
  bell.close();
});
