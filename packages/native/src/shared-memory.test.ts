import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { createSharedMemory, loadAddon, type SharedMemory, type SharedMemoryOptions } from './index.js';
import { kernelObjects, keyOf } from './system-v.js';
import { startChild } from './testing/child.js';

const program = fileURLToPath(new URL('testing/shared.child.js', import.meta.url));
const open: SharedMemory[] = [];
let made = 0;
const nameNow = (): string => `callgate-test-${process.pid}-${made}`;

type Named = 'posix' | 'system-v';
const options = (kind: Named, more: object = {}): SharedMemoryOptions =>
  ({ kind, name: nameNow(), bytes: 8192, ...more }) as SharedMemoryOptions;

function keep(memory: SharedMemory): SharedMemory {
  open.push(memory);
  return memory;
}

function fresh(kind: Named, more: object = {}): SharedMemory {
  made++;
  return keep(createSharedMemory(options(kind, more)));
}

afterEach(() => {
  for (const memory of open.splice(0)) {
    memory.unlink();
    memory.close();
  }
  expect(existsSync(`/dev/shm/${nameNow()}`)).toBe(false);
  expect(kernelObjects('shm').filter(({ key }) => key === keyOf({ name: nameNow() }))).toEqual([]);
});

function thrownBy(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
}

for (const kind of ['posix', 'system-v'] as const) {
  test(`${kind}: another process finds it, and what it writes is seen`, async () => {
    const memory = fresh(kind);
    expect(memory).toMatchObject({ created: true, bytes: 8192, owner: { uid: process.geteuid?.(), mode: 0o600 } });
    const child = startChild('shared.child', ['write', JSON.stringify(options(kind, { create: 'never' }))]);
    const said = JSON.parse(await child.line());
    expect(said).toMatchObject({ created: false, owner: { uid: process.geteuid?.(), mode: 0o600 } });
    if (kind === 'system-v') expect(said.owner.pid).toBe(process.pid);
    await child.ended;
    expect(new Int32Array(memory.buffer)[1]).toBe(42);
  });

  test(`${kind}: has the mode that was asked for, whatever the umask`, () => {
    const umask = process.umask(0o077);
    try {
      expect(fresh(kind, { mode: 0o666 }).owner.mode).toBe(0o666);
    } finally {
      process.umask(umask);
    }
  });

  test(`${kind}: says in words what is there already, what is missing, and what has another size`, () => {
    const memory = fresh(kind);
    const uid = process.geteuid?.();
    expect(thrownBy(() => createSharedMemory(options(kind, { create: 'exclusive' })))).toMatchObject({
      code: 'EEXIST',
      message: expect.stringContaining(`already, made by uid ${uid}`),
    });
    for (const bytes of [4096, 16_384]) {
      expect(thrownBy(() => createSharedMemory(options(kind, { bytes })))).toMatchObject({
        code: 'EINVAL',
        message: expect.stringMatching(
          new RegExp(`of 8192 bytes .* made by uid ${uid}.*; ${bytes} bytes were asked for`),
        ),
      });
    }
    memory.unlink();
    expect(thrownBy(() => createSharedMemory(options(kind, { create: 'never' }))).code).toBe('ENOENT');
  });

  test(`${kind}: tells a stranger's by its owner and mode`, () => {
    fresh(kind, { mode: 0o600 });
    // Another user, without this one's rights.
    const { stdout, stderr } = spawnSync(
      'setpriv',
      ['--reuid', '65534', '--clear-groups', process.execPath, program, 'memory', JSON.stringify(options(kind))],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'EACCES',
      message: expect.stringMatching(new RegExp(`uid ${process.geteuid?.()}.* mode 0600; this process has uid 65534`)),
    });
  });

  test(`${kind}: the buffer is detached by close, and others keep theirs`, () => {
    const memory = fresh(kind);
    const other = createSharedMemory(options(kind));
    new Uint8Array(other.buffer)[9] = 9;
    other.close();
    other.close();
    expect(other.buffer.byteLength).toBe(0);
    expect(new Uint8Array(memory.buffer)[9]).toBe(9);
  });
}

test('memfd: has no name, and a size that nobody can change', () => {
  const memory = keep(createSharedMemory({ kind: 'memfd', bytes: 4096 }));
  expect(memory).toMatchObject({ kind: 'memfd', created: true, bytes: 4096, id: undefined });
  expect(loadAddon().fdBytes(memory.fd!)).toBe(4096);
  memory.close();
  expect(memory.fd?.value).toBe(-1);
});

function within(script: string, role: string, json: SharedMemoryOptions): { code: string; message: string } {
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--ipc',
      '--mount',
      'sh',
      '-c',
      `${script} && exec "$@"`,
      'sh',
      process.execPath,
      program,
      role,
      JSON.stringify(json),
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('no room in /dev/shm is an error that says how much is needed, how much is free, and where; never a SIGBUS', () => {
  const small = 'mount -t tmpfs -o size=64k tmpfs /dev/shm';
  expect(within(small, 'memory', { kind: 'posix', name: 'big', bytes: 1_000_000 })).toMatchObject({
    code: 'ENOSPC',
    message: expect.stringContaining('1000000 bytes are needed and 65536 are free in /dev/shm'),
  });
});

test('says which limit is reached when no more segments may be made, or none so large', () => {
  const one: SharedMemoryOptions = { kind: 'system-v', name: 'x', bytes: 4096 };
  expect(within('echo 0 > /proc/sys/kernel/shmmni', 'memory', one).message).toContain(
    'all 0 segments that the system allows (kernel.shmmni) are there',
  );
  expect(within('echo 1024 > /proc/sys/kernel/shmmax', 'memory', one).message).toContain(
    'the system allows at most 1024 (kernel.shmmax)',
  );
});

test('a Python program attaches the segment of a key, and reads what this process wrote', () => {
  const memory = fresh('system-v');
  Buffer.from(memory.buffer).write('hello from Node');
  const code = `import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat(libc.shmget(ctypes.c_int(int(sys.argv[1])), 0, 0), None, 0)
print(ctypes.string_at(at).decode())
ctypes.memmove(at, b'hello from Python\\0', 18)`;
  const { stdout, stderr } = spawnSync('python3', ['-c', code, String(keyOf({ name: nameNow() }))], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout.trim()).toBe('hello from Node');
  expect(Buffer.from(memory.buffer).toString('latin1', 0, 17)).toBe('hello from Python');
});

test('a Python program maps the object of a name, and reads what this process wrote', () => {
  const memory = fresh('posix');
  Buffer.from(memory.buffer).write('hello from Node');
  const code = `from multiprocessing.shared_memory import SharedMemory
import sys
m = SharedMemory(sys.argv[1])
print(bytes(m.buf[:15]).decode())
m.close()
from multiprocessing import resource_tracker
resource_tracker.unregister('/' + sys.argv[1], 'shared_memory')`;
  const { stdout, stderr } = spawnSync('python3', ['-c', code, nameNow()], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout.trim()).toBe('hello from Node');
});
