import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createSemaphore, loadAddon, type Semaphore, type SemaphoreOptions } from './index.js';
import { kernelObjects } from './system-v.js';
import { startChild } from './testing/child.js';

const addon = loadAddon();
const program = fileURLToPath(new URL('testing/shared.child.js', import.meta.url));
let made = 0;
const open: Semaphore[] = [];

/** Under a name that nothing else has. */
function options(kind: 'system-v' | 'posix', more: object = {}): SemaphoreOptions {
  return { kind, name: `callgate-test-${process.pid}-${made}`, ...more } as SemaphoreOptions;
}

function fresh(kind: 'system-v' | 'posix', more: object = {}): Semaphore {
  made++;
  const semaphore = createSemaphore(options(kind, { create: 'exclusive', ...more }));
  open.push(semaphore);
  return semaphore;
}

afterEach(() => {
  for (const semaphore of open.splice(0)) {
    semaphore.unlink();
    semaphore.close();
  }
  expect(addon.blockedThreads()).toBe(0);
});

function thrownBy(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
}

for (const kind of ['system-v', 'posix'] as const) {
  describe(`a ${kind} semaphore`, () => {
    test('counts: as many take a unit as there are', () => {
      const semaphore = fresh(kind, { initial: 2 });
      expect(semaphore.acquireSync('immediate')).toBe(true);
      expect(semaphore.acquireSync(1000)).toBe(true);
      expect(semaphore.acquireSync('immediate')).toBe(false);
      expect(semaphore.value).toBe(0);
      semaphore.release();
      expect(semaphore.value).toBe(1);
    });

    test('says no when its timeout has passed, blocking and awaited, not before', async () => {
      const semaphore = fresh(kind, { initial: 0 });
      const begun = performance.now();
      expect(semaphore.acquireSync(20)).toBe(false);
      expect(await semaphore.acquire(20)).toBe(false);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
      expect(await semaphore.acquire('immediate')).toBe(false);
      expect(await semaphore.acquire(0)).toBe(false);
    });

    test('serves those who await it in the order in which they came', async () => {
      const semaphore = fresh(kind, { initial: 0 });
      const order: number[] = [];
      const waiting = [1, 2, 3].map((n) => semaphore.acquire().then(() => order.push(n)));
      for (let i = 0; i < 3; i++) semaphore.release();
      await Promise.all(waiting);
      expect(order).toEqual([1, 2, 3]);
      expect(semaphore.value).toBe(0);
    });

    test('loses no unit to a wait that is aborted, late or closed', async () => {
      const semaphore = fresh(kind, { initial: 0 });
      const controller = new AbortController();
      const aborted = semaphore.acquire('never', controller.signal);
      const late = semaphore.acquire(5);
      controller.abort(new Error('changed my mind'));
      await expect(aborted).rejects.toThrow('changed my mind');
      expect(await late).toBe(false);
      semaphore.release();
      expect(await semaphore.acquire()).toBe(true);
      const closed = semaphore.acquire();
      semaphore.close();
      await expect(closed).rejects.toMatchObject({ code: 'EBADF' });
      expect(thrownBy(() => semaphore.release()).code).toBe('EBADF');
    });

    test('keeps to 1 when it is binary', () => {
      const semaphore = fresh(kind, { binary: true });
      expect(thrownBy(() => semaphore.release())).toMatchObject({ code: 'EOVERFLOW' });
      expect(thrownBy(() => semaphore.release()).message).toContain('nothing is taken from this binary semaphore');
      expect(semaphore.acquireSync()).toBe(true);
      semaphore.release();
      expect(semaphore.value).toBe(1);
    });

    test('wakes another process that blocks, and one whose event loop waits and goes on meanwhile', async () => {
      const semaphore = fresh(kind, { initial: 0 });
      // With undo, a child that ends without giving its unit back would give it back nevertheless.
      const more = { create: 'never', ...(kind === 'system-v' ? { undo: false } : {}) };
      for (const role of ['block', 'await']) {
        const child = startChild('shared.child', [role, JSON.stringify(options(kind, more))]);
        expect(JSON.parse(await child.line())).toEqual(role === 'block' ? 'blocking' : { threads: 1 });
        semaphore.release();
        expect(await child.line()).toBe('true');
        expect((await child.ended).status).toBe(0);
      }
    });

    test('does not hold up the event loop of a process that waits for it', async () => {
      const semaphore = fresh(kind, { initial: 0 });
      const waiting = semaphore.acquire();
      for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
      semaphore.release();
      expect(await waiting).toBe(true);
    });

    test('says in words what is missing, and what is there already', () => {
      const semaphore = fresh(kind);
      expect(thrownBy(() => createSemaphore(options(kind, { create: 'exclusive' })))).toMatchObject({
        code: 'EEXIST',
        message: expect.stringContaining(`already, made by uid ${process.geteuid?.()}`),
      });
      semaphore.unlink();
      semaphore.unlink();
      expect(thrownBy(() => createSemaphore(options(kind, { create: 'never' })))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringMatching(/no set of semaphores has this key|there is no such semaphore/),
      });
    });
  });
}

test('what a killed process has taken is given back by System V, and lost with POSIX', async () => {
  for (const [kind, value] of [
    ['system-v', 1],
    ['posix', 0],
  ] as const) {
    const semaphore = fresh(kind);
    const child = startChild('shared.child', ['hold', JSON.stringify(options(kind))]);
    expect(await child.line()).toBe('true');
    expect(semaphore.value).toBe(0);
    child.kill('SIGKILL');
    await child.ended;
    expect(semaphore.value).toBe(value);
  }
});

test('what a killed process has put in stays, and without undo what it has taken stays taken', async () => {
  const semaphore = fresh('system-v', { initial: 1 });
  const releasing = startChild('shared.child', ['release', JSON.stringify(options('system-v'))]);
  await releasing.ended;
  expect(semaphore.value).toBe(2);
  const holding = startChild('shared.child', ['hold', JSON.stringify(options('system-v', { undo: false }))]);
  await holding.line();
  holding.kill('SIGKILL');
  await holding.ended;
  expect(semaphore.value).toBe(1);
});

test('removing a System V semaphore ends every wait for it with EIDRM', async () => {
  const semaphore = fresh('system-v', { initial: 0 });
  const waiting = semaphore.acquire();
  semaphore.unlink();
  await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('the semaphore set was removed') });
  expect(kernelObjects('sem').filter(({ id }) => id === semaphore.id)).toEqual([]);
});

test('undo is refused for POSIX, with the reason, and so are impossible options', () => {
  expect(() => createSemaphore({ ...options('posix'), undo: true } as SemaphoreOptions)).toThrow(
    'a POSIX semaphore does not know who has taken what',
  );
  expect(() => createSemaphore({ kind: 'system-v', key: 0 })).toThrow('key: expected a whole number from 1 to');
  expect(() => createSemaphore({ kind: 'posix', name: 'a/b' })).toThrow('without a slash');
  expect(() => createSemaphore({ ...options('posix'), initial: -1 } as SemaphoreOptions)).toThrow('initial: expected');
});

test('a set of several semaphores under the key is told from one that is missing', () => {
  const key = 0x4a110000 + (process.pid & 0xffff);
  const id = addon.getSysvSemaphores(key, 3, 0o600, 3, 0);
  try {
    expect(thrownBy(() => createSemaphore({ kind: 'system-v', key })).message).toContain(
      'a set of 3 semaphores has this key',
    );
  } finally {
    addon.removeSysvSemaphores(id);
  }
});

test('says which limit is reached when no more sets may be made', () => {
  const script = 'echo "32000 1024000000 500 0" > /proc/sys/kernel/sem && exec "$@"';
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--ipc',
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      program,
      'semaphore',
      JSON.stringify(options('system-v')),
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'ENOSPC',
    syscall: 'semget',
    message: expect.stringContaining('all 0 sets that the system allows (semmni of kernel.sem) are there'),
  });
});

/** At the mechanism's level: another language, with nothing but the C library. */
const python = (program: string, ...args: string[]) =>
  spawnSync('python3', ['-c', `import ctypes, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n${program}`, ...args], {
    encoding: 'utf8',
  });

test('a Python program posts the POSIX semaphore for which this process waits', async () => {
  const semaphore = fresh('posix', { initial: 0 });
  const waiting = semaphore.acquire();
  const { stderr } = python(
    'libc.sem_open.restype = ctypes.c_void_p\ns = libc.sem_open(sys.argv[1].encode(), 0)\nassert libc.sem_post(ctypes.c_void_p(s)) == 0',
    `/callgate-test-${process.pid}-${made}`,
  );
  expect(stderr).toBe('');
  expect(await waiting).toBe(true);
});

test('a Python program adds to the System V semaphore for which this process waits', async () => {
  const semaphore = fresh('system-v', { initial: 0 });
  const waiting = semaphore.acquire();
  const { stderr } = python(
    'op = (ctypes.c_short * 3)(0, 1, 0)\nassert libc.semop(int(sys.argv[1]), op, 1) == 0',
    String(semaphore.id),
  );
  expect(stderr).toBe('');
  expect(await waiting).toBe(true);
});
