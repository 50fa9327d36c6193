import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { descriptorFlags, O_CLOEXEC, O_NONBLOCK } from './testing/proc.js';
import { thrownBy } from './testing/sockets.js';

const addon = loadAddon();
let scratch = '';
let closing: { close(): void }[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-pipe-'));
  closing = [];
});
afterEach(() => {
  for (const handle of closing) handle.close();
  rmSync(scratch, { recursive: true });
});

function keep<T extends { close(): void }>(handle: T): T {
  closing.push(handle);
  return handle;
}

function newPipe() {
  const [reading, writing] = addon.createPipe();
  return { reading: keep(reading), writing: keep(writing) };
}

function newFifo(mode = 0o600): string {
  const path = join(scratch, 'fifo');
  addon.makeFifo(path, mode);
  return path;
}

test('a pipe carries bytes one way, tells how many wait, and ends with its writer', () => {
  const { reading, writing } = newPipe();
  for (const fd of [reading, writing]) {
    expect(descriptorFlags(fd.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  }
  const bytes = new Uint8Array(8);
  expect(addon.read(reading, bytes, 0, 8)).toBe(-1);
  expect(addon.write(writing, Uint8Array.of(1, 2, 3), 0, 3)).toBe(3);
  expect([addon.waitingBytes(reading), addon.waitingBytes(writing)]).toEqual([3, 3]);
  writing.close();
  expect(addon.poll([reading], [1], 0)).toBe(1 | 4);
  expect(addon.read(reading, bytes, 0, 8)).toBe(3);
  expect(addon.read(reading, bytes, 0, 8)).toBe(0);
  expect(bytes.subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
});

test('writing to a pipe that nobody reads is EPIPE, and no signal', () => {
  const { reading, writing } = newPipe();
  reading.close();
  expect(thrownBy(() => addon.write(writing, new Uint8Array(1), 0, 1))).toMatchObject({ code: 'EPIPE' });
  expect(addon.poll([writing], [0], 0) & 8).toBe(8);
});

test('each end of a pipe has flags of its own, which can be changed and given back', () => {
  const { reading, writing } = newPipe();
  expect(addon.setNonBlocking(reading, false)).toBe(true);
  expect(descriptorFlags(reading.value) & O_NONBLOCK).toBe(0);
  expect(descriptorFlags(writing.value) & O_NONBLOCK).toBe(O_NONBLOCK);
  expect(addon.setNonBlocking(reading, true)).toBe(false);
  expect(thrownBy(() => addon.setNonBlocking(reading, 1 as never))).toBeInstanceOf(TypeError);
});

test('a fifo has exactly its mode, whatever the umask', () => {
  const before = process.umask(0o077);
  try {
    const path = newFifo(0o622);
    expect(lstatSync(path).isFIFO()).toBe(true);
    expect(lstatSync(path).mode & 0o777).toBe(0o622);
    expect(thrownBy(() => addon.makeFifo(path, 0o600))).toMatchObject({ code: 'EEXIST', syscall: 'mkfifo' });
  } finally {
    process.umask(before);
  }
});

test('a fifo is opened without waiting: to write, only where somebody reads', () => {
  const path = newFifo();
  expect(thrownBy(() => addon.openFifo(path, 1))).toMatchObject({ code: 'ENXIO' });
  const reading = keep(addon.openFifo(path, 0));
  const writing = keep(addon.openFifo(path, 1));
  addon.write(writing, Uint8Array.of(7), 0, 1);
  expect(addon.read(reading, new Uint8Array(8), 0, 8)).toBe(1);
  expect(descriptorFlags(writing.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  writing.close();
  expect(addon.read(reading, new Uint8Array(8), 0, 8)).toBe(0);
});

test('a fifo that its reader has open to write as well never ends', () => {
  const path = newFifo();
  const both = keep(addon.openFifo(path, 2));
  keep(addon.openFifo(path, 1)).close();
  expect(addon.read(both, new Uint8Array(8), 0, 8)).toBe(-1);
});

test('what is no fifo is not opened: a file, a device, a symbolic link, nothing', () => {
  const file = join(scratch, 'file');
  writeFileSync(file, 'mine');
  const link = join(scratch, 'link');
  symlinkSync(newFifo(), link);
  for (const path of [file, '/dev/null', scratch, link]) {
    expect(thrownBy(() => addon.openFifo(path, 1))).toMatchObject({ code: 'EINVAL', message: /not a fifo/ });
  }
  expect(thrownBy(() => addon.openFifo(join(scratch, 'none'), 0))).toMatchObject({ code: 'ENOENT' });
});

test('a pipe that was opened anew can be non-blocking while the old descriptor blocks', () => {
  const { reading, writing } = newPipe();
  addon.setNonBlocking(reading, false);
  const anew = keep(addon.reopenFd(reading.value, 0));
  expect(descriptorFlags(anew.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  expect(descriptorFlags(reading.value) & O_NONBLOCK).toBe(0);
  addon.write(writing, Uint8Array.of(5), 0, 1);
  expect(addon.read(anew, new Uint8Array(8), 0, 8)).toBe(1);
});

test('an adopted descriptor shares its flags, and lives on when the number is closed', () => {
  const { reading, writing } = newPipe();
  const adopted = keep(addon.adoptFd(reading.value));
  addon.setNonBlocking(adopted, false);
  expect(descriptorFlags(reading.value) & O_NONBLOCK).toBe(0);
  addon.setNonBlocking(adopted, true);
  reading.close();
  addon.write(writing, Uint8Array.of(5), 0, 1);
  expect(addon.read(adopted, new Uint8Array(8), 0, 8)).toBe(1);
  expect(thrownBy(() => addon.adoptFd(1_000_000))).toMatchObject({ code: 'EBADF' });
  expect(thrownBy(() => addon.adoptFd(-1))).toBeInstanceOf(RangeError);
});

test('a redirected number means another open file', () => {
  const one = newPipe();
  const other = newPipe();
  const number = one.writing.value;
  addon.redirectFd(other.writing.value, number);
  addon.write(one.writing, Uint8Array.of(1, 2), 0, 2);
  expect([addon.waitingBytes(one.reading), addon.waitingBytes(other.reading)]).toEqual([0, 2]);
});

test('a process as a descriptor becomes readable when the process has ended', async () => {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  const gone = once(child, 'exit');
  const life = keep(addon.openProcess(child.pid!));
  expect(addon.poll([life], [1], 0)).toBe(0);
  child.kill('SIGKILL');
  expect(addon.poll([life], [1], 10_000) & 1).toBe(1);
  await gone;
  expect(addon.poll([life], [1], 0) & 1).toBe(1);
  expect(thrownBy(() => addon.openProcess(0))).toBeInstanceOf(RangeError);
  expect(thrownBy(() => addon.openProcess(2 ** 22 + 1))).toMatchObject({ code: /ESRCH|EINVAL/ });
});
