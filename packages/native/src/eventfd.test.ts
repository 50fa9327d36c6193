import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { descriptorFlags, O_CLOEXEC, O_NONBLOCK } from './testing/proc.js';
import { thrownBy } from './testing/sockets.js';

const addon = loadAddon();

test('a bell rung once or often is drained once', () => {
  const bell = addon.createEventFd();
  expect(addon.drainEventFd(bell)).toBe(false);
  addon.ringEventFd(bell);
  addon.ringEventFd(bell);
  expect(addon.drainEventFd(bell)).toBe(true);
  expect(addon.drainEventFd(bell)).toBe(false);
  bell.close();
});

test('a bell is close-on-exec and never blocks', () => {
  const bell = addon.createEventFd();
  expect(descriptorFlags(bell.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  bell.close();
});

test('ringing a full counter is no error and does not wait', () => {
  const bell = addon.createEventFd();
  const almostFull = new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer);
  expect(addon.write(bell, almostFull, 0, 8)).toBe(8);
  addon.ringEventFd(bell);
  expect(addon.drainEventFd(bell)).toBe(true);
  bell.close();
});

test('a closed descriptor is refused without touching whoever has its number now', () => {
  const closed = addon.createEventFd();
  const number = closed.value;
  closed.close();
  closed.close();
  expect(closed.value).toBe(-1);
  const next = addon.createEventFd();
  expect(next.value).toBe(number);
  const error = thrownBy(() => addon.ringEventFd(closed));
  expect(error).toMatchObject({ code: 'EBADF', syscall: 'write' });
  expect(error.message).toBe('write: EBADF (the descriptor is closed)');
  expect(thrownBy(() => addon.drainEventFd(closed)).code).toBe('EBADF');
  expect(addon.drainEventFd(next)).toBe(false);
  next.close();
});
