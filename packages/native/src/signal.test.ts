import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { type ChildOptions, runScenario, startChild } from './testing/child.js';

const addon = loadAddon();
const child = fileURLToPath(new URL('./testing/signal.child.js', import.meta.url));
const play = <T>(scenario: string, options?: ChildOptions): Promise<T> =>
  runScenario<T>('signal.child', scenario, options);

/** Runs a scenario in a process that another program has prepared and then become. */
async function playUnder<T>(command: string, args: readonly string[], scenario: string): Promise<T> {
  const started = startChild(args[0]!, [...args.slice(1), process.execPath, child, scenario], { command });
  const result = JSON.parse(await started.line()) as T;
  expect((await started.ended).status).toBe(0);
  return result;
}

const PYTHON_EXEC = 'os.execv(sys.argv[1], sys.argv[1:])';

test('signals that are taken are blocked in all threads, new ones too, not in child processes, and are as before after', async () => {
  expect(await play('masks')).toEqual({ during: true, later: true, child: '0000000000000000', restored: true });
});

test('real-time signals queue in order with their values, regular ones become one, and the sender is known', async () => {
  expect(await play('queues')).toEqual({ order: true, regular: 1, sender: true });
});

test('a value has 32 bits, signed or not', async () => {
  expect(await play('values')).toEqual([0, 1, 2 ** 32 - 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
});

test('signals on which others depend can not be taken, nor those that are in use, and then none of those asked for is', async () => {
  const range = 'ERR_OUT_OF_RANGE';
  expect(await play('refusals')).toEqual({
    ...{ 0: range, 2: range, 9: range, 10: range, 11: range, 15: range, 17: range, 27: range, 32: range, 65: range },
    ...{ handled: 'EBUSY', twice: 'EBUSY', same: 'EBUSY' },
  });
});

test('a handler that the user sets meanwhile stays, and hears when the signal is given back', async () => {
  expect(await play('user-handler')).toBe(1);
});

test('a worker that is terminated gives its signals back', async () => {
  expect(await play('terminated-taking')).toEqual({ twice: 'EBUSY', restored: true });
});

test('a thread that takes the block away costs neither the process nor a signal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'callgate-strays-'));
  try {
    const [source, library] = [join(folder, 'strays.c'), join(folder, 'strays.so')];
    writeFileSync(source, strays);
    execFileSync('cc', ['-shared', '-fPIC', '-pthread', '-o', library, source]);
    expect(await play('strays', { env: { LD_PRELOAD: library } })).toBe(2000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A library of another language with a thread that wants all signals. */
const strays = `
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <time.h>
static void *want(void *unused) {
  sigset_t none;
  sigemptyset(&none);
  for (;;) {
    struct timespec left = {0, 20000000};
    pthread_sigmask(SIG_SETMASK, &none, 0);
    while (nanosleep(&left, &left) != 0) {}
  }
  return unused;
}
__attribute__((constructor)) static void start(void) {
  pthread_t thread;
  pthread_create(&thread, 0, want, 0);
}
`;

test('sending says when no more signals may wait, and goes on when some have been received', async () => {
  const code = `import os, resource, sys; resource.setrlimit(resource.RLIMIT_SIGPENDING, (16, 16)); ${PYTHON_EXEC}`;
  expect(await playUnder('python3', ['-c', code], 'full')).toEqual({ full: true, all: true, again: true });
});

test('a guard is held until the signals are given back, and nothing is sent from then on', async () => {
  expect(await play('guards')).toEqual({ held: true, got: 1, kept: true, let: 'EOWNERDEAD' });
});

test('a process that has ended can be sent nothing, even before its parent has noticed', async () => {
  const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
  const process_ = addon.openProcess(sleeper.pid!);
  expect(addon.sendSignal(process_, undefined, 0)).toBe(true);
  sleeper.kill('SIGKILL');
  expect(addon.poll([process_], [1], 5000)).toBe(1);
  // This thread has not turned its event loop, so nobody has waited for the dead child.
  expect(() => addon.sendSignal(process_, undefined, 10)).toThrow(/ESRCH/);
  await once(sleeper, 'exit');
  expect(() => addon.sendSignal(process_, undefined, 10)).toThrow(/ESRCH/);
  expect(() => addon.openProcess(sleeper.pid!)).toThrow(/ESRCH/);
  process_.close();
});

test('a process of another user can be sent nothing', async () => {
  // Whoever runs this: a user that has no rights here.
  const run = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const program = spawn(process.execPath, ['-e', notPermitted, fileURLToPath(new URL('../dist/', import.meta.url))], {
    ...run,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  program.kill(0);
  let out = '';
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await once(program, 'close');
  expect(out.trim()).toBe('EPERM');
});

const notPermitted = `
import(process.argv[1] + 'load.js').then(({ loadAddon }) => {
  const addon = loadAddon();
  try { addon.sendSignal(addon.openProcess(1), undefined, 0); } catch (error) { console.log(error.code); }
});
`;
