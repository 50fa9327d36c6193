import { ftruncateSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { createBell } from './testing/bells.js';
import { runScenario } from './testing/child.js';
import { descriptorFlags, mappingsOf, O_CLOEXEC } from './testing/proc.js';
import { thrownBy } from './testing/sockets.js';

const addon = loadAddon();

test('a memory file has the asked size, is close-on-exec, and can be neither shrunk nor grown', () => {
  const fd = addon.createMemfd('seals', 8192);
  expect(addon.fdBytes(fd)).toBe(8192);
  expect(descriptorFlags(fd.value) & O_CLOEXEC).toBe(O_CLOEXEC);
  expect(thrownBy(() => ftruncateSync(fd.value, 4096)).code).toBe('EPERM');
  expect(thrownBy(() => ftruncateSync(fd.value, 16384)).code).toBe('EPERM');
  fd.close();
});

test('two mappings of one memory file show the same bytes, and live on after its descriptor', () => {
  const fd = addon.createMemfd('shared', 4096);
  const one = addon.mapMemfd(fd, 4096);
  const two = addon.mapMemfd(fd, 4096);
  fd.close();
  Atomics.store(new Int32Array(one.buffer), 7, 42);
  expect(Atomics.load(new Int32Array(two.buffer), 7)).toBe(42);
  one.close();
  expect(Atomics.load(new Int32Array(two.buffer), 7)).toBe(42);
  two.close();
});

test('a size that is no multiple of a page is kept exactly', () => {
  const fd = addon.createMemfd('odd', 1001);
  const mapping = addon.mapMemfd(fd, 1001);
  expect(mapping.buffer.byteLength).toBe(1001);
  mapping.close();
  fd.close();
});

test('closing a mapping detaches its buffer and unmaps at once, however often it is closed', () => {
  const fd = addon.createMemfd('detached', 4096);
  const mapping = addon.mapMemfd(fd, 4096);
  fd.close();
  const words = new Int32Array(mapping.buffer);
  expect(mappingsOf('detached')).toBe(1);
  mapping.close();
  expect(mappingsOf('detached')).toBe(0);
  expect(mapping.buffer.byteLength).toBe(0);
  expect(words.length).toBe(0);
  expect(() => Atomics.load(words, 0)).toThrow();
  expect(() => new Int32Array(mapping.buffer)).toThrow(TypeError);
  mapping.close();
});

test('a mapping of another size than the file is refused, with both sizes', () => {
  const fd = addon.createMemfd('size', 4096);
  const error = thrownBy(() => addon.mapMemfd(fd, 8192));
  expect(error).toMatchObject({ code: 'EINVAL', syscall: 'mmap', errno: -constants.errno.EINVAL });
  expect(error.message).toBe('mmap: EINVAL (the memfd has 4096 bytes, expected 8192)');
  fd.close();
});

test('what is no memory file is not mapped', () => {
  const fd = createBell();
  expect(thrownBy(() => addon.mapMemfd(fd, 4096)).message).toBe(
    'mmap: EINVAL (not a memfd: the file cannot be sealed)',
  );
  fd.close();
});

test('a size that no memory file can have is a RangeError', () => {
  for (const bytes of [0, -1, 1.5, Number.NaN, 2 ** 32, Number.POSITIVE_INFINITY]) {
    expect(() => addon.createMemfd('size', bytes)).toThrow(RangeError);
  }
});

test('a name that is too long says so', () => {
  const error = thrownBy(() => addon.createMemfd('x'.repeat(250), 4096));
  expect(error.code).toBe('EINVAL');
  expect(error.message).toContain('the name has 250 bytes, 249 are allowed');
});

test('a file of a gibibyte and more can be mapped to its last byte', () => {
  const bytes = 3 * 2 ** 30;
  const fd = addon.createMemfd('large', bytes);
  const mapping = addon.mapMemfd(fd, bytes);
  const last = new Uint8Array(mapping.buffer, bytes - 1);
  last[0] = 9;
  expect(last[0]).toBe(9);
  mapping.close();
  fd.close();
});

test('a buffer that was moved to another ArrayBuffer stays mapped until that one is collected', async () => {
  // Node 20 has ArrayBuffer.prototype.transfer behind a flag.
  const nodeArgs = 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer'];
  expect(await runScenario('lifetime.child', 'moved', { nodeArgs: ['--expose-gc', ...nodeArgs] })).toEqual({
    afterClose: { byte: 5, mappings: 1 },
    afterCollection: { mappings: 0 },
  });
});

test('a buffer moved into another thread is blank there, but no fault, once the thread that mapped it has ended', async () => {
  const nodeArgs = 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer'];
  expect(await runScenario('lifetime.child', 'moved-between-threads', { nodeArgs })).toEqual({ before: 7, after: 0 });
});
