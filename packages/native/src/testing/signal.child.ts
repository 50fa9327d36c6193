// Programs that take signals, each in a process of its own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';
import { playScenario } from './child.js';

const addon = loadAddon();
const { first } = addon.realTimeSignals();
const USR2 = 12;

/** The masks of all threads, without those that keep away from all signals. */
function masks(): string[] {
  const all = readdirSync('/proc/self/task').map((tid) => line('SigBlk', `/proc/self/task/${tid}/status`));
  return [...new Set(all.filter((mask) => !mask.startsWith('ffff')))].sort();
}

function line(name: string, file = '/proc/self/status'): string {
  return new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? '';
}

const blocks = (mask: string, signal: number): boolean => ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;

interface Got {
  readonly signal: number;
  readonly pid: number;
  readonly uid: number;
  readonly value: number;
}

function readAll(fd: Fd): Got[] {
  const batch = Buffer.alloc(128 * 64);
  const all: Got[] = [];
  for (let count = addon.read(fd, batch, 0, batch.length); count > 0; count = addon.read(fd, batch, 0, batch.length)) {
    for (let at = 0; at < count; at += 128) {
      const [signal, pid] = [batch.readUInt32LE(at), batch.readUInt32LE(at + 12)];
      all.push({ signal, pid, uid: batch.readUInt32LE(at + 16), value: batch.readUInt32LE(at + 44) });
    }
  }
  return all;
}

async function worker(code: string): Promise<Worker> {
  const made = new Worker(`const w = require('node:worker_threads'); ${code}`, { eval: true });
  await new Promise((resolve) => made.once('message', resolve));
  return made;
}

const sleeping = "w.parentPort.postMessage('up'); setInterval(() => {}, 1000);";
const blocking =
  "w.parentPort.postMessage('up'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600000);";

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'nothing was thrown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

await playScenario({
  async masks() {
    const workers = [await worker(sleeping), await worker(blocking)];
    const before = masks();
    const caught = line('SigCgt');
    const fd = addon.takeSignals([first, USR2]);
    const during = masks().every((mask) => blocks(mask, first) && blocks(mask, USR2) && !blocks(mask, first + 1));
    workers.push(await worker(sleeping));
    const later = masks().every((mask) => blocks(mask, first) && blocks(mask, USR2));
    const child = execFileSync('sed', ['-n', 's/^SigBlk:.*\\([0-9a-f]\\{16\\}\\)/\\1/p', '/proc/self/status'], {
      encoding: 'utf8',
    });
    fd.close();
    const after = masks();
    const same = caught === line('SigCgt');
    await Promise.all(workers.map((one) => one.terminate()));
    return { during, later, child: child.trim(), restored: String(before) === String(after) && same };
  },

  queues() {
    const fd = addon.takeSignals([first + 1, USR2]);
    const self = addon.openProcess(process.pid);
    for (let i = 0; i < 5000; i += 1) addon.sendSignal(self, undefined, first + 1, i);
    for (let i = 0; i < 3; i += 1) addon.sendSignal(self, undefined, USR2);
    process.kill(process.pid, 'SIGUSR2');
    const got = readAll(fd);
    const queued = got.filter(({ signal }) => signal === first + 1);
    self.close();
    fd.close();
    return {
      order: queued.length === 5000 && queued.every(({ value }, i) => value === i),
      regular: got.filter(({ signal }) => signal === USR2).length,
      sender: got.every(({ pid, uid }) => pid === process.pid && uid === process.getuid?.()),
    };
  },

  values() {
    const fd = addon.takeSignals([first]);
    const self = addon.openProcess(process.pid);
    for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1])
      addon.sendSignal(self, undefined, first, value);
    const values = readAll(fd).map(({ value }) => value);
    fd.close();
    return values;
  },

  refusals() {
    const codes: Record<string, string> = {};
    for (const signal of [1, 2, 9, 10, 11, 15, 17, 27, 32, 65, 0]) {
      if (signal !== 1) codes[signal] = codeOf(() => addon.takeSignals([signal]));
    }
    process.on('SIGHUP', () => {});
    codes.handled = codeOf(() => addon.takeSignals([first, 1]));
    const fd = addon.takeSignals([first]);
    codes.twice = codeOf(() => addon.takeSignals([first + 1, first]));
    codes.same = codeOf(() => addon.takeSignals([first + 1, first + 1]));
    // The one that was refused together with another must be free.
    addon.takeSignals([first + 1]).close();
    fd.close();
    addon.takeSignals([first]).close();
    return codes;
  },

  async 'user-handler'() {
    const fd = addon.takeSignals([USR2]);
    let heard = 0;
    const came = new Promise<void>((resolve) => {
      process.on('SIGUSR2', () => {
        heard += 1;
        resolve();
      });
    });
    fd.close();
    process.kill(process.pid, 'SIGUSR2');
    const alive = setInterval(() => undefined, 1000);
    await came;
    clearInterval(alive);
    return heard;
  },

  async 'terminated-taking'() {
    const before = masks();
    const taking = await worker(`
      const { createRequire } = require('node:module');
      import(${JSON.stringify(new URL('../load.js', import.meta.url).href)}).then(({ loadAddon }) => {
        loadAddon().takeSignals([${first}]);
        w.parentPort.postMessage('taken');
        setInterval(() => {}, 1000);
      });`);
    const twice = codeOf(() => addon.takeSignals([first]));
    await taking.terminate();
    const restored = String(before) === String(masks());
    addon.takeSignals([first]).close();
    return { twice, restored };
  },

  /** Runs with a thread that takes every block away, again and again. */
  strays() {
    const fd = addon.takeSignals([first + 1]);
    const self = addon.openProcess(process.pid);
    const values = new Set<number>();
    for (let i = 0; i < 2000; i += 1) {
      while (!addon.sendSignal(self, undefined, first + 1, i))
        readAll(fd).forEach(({ value }) => void values.add(value));
      // Spread over many of its turns.
      if (i % 10 === 0) addon.poll([self], [1], 2);
      readAll(fd).forEach(({ value }) => void values.add(value));
    }
    while (values.size < 2000 && addon.poll([fd], [1], 5000) !== 0) {
      readAll(fd).forEach(({ value }) => void values.add(value));
    }
    return values.size;
  },

  full() {
    const fd = addon.takeSignals([first]);
    const self = addon.openProcess(process.pid);
    let sent = 0;
    while (sent < 1000 && addon.sendSignal(self, undefined, first, sent)) sent += 1;
    const got = readAll(fd).length;
    // The limit is on what waits for all processes of the user: others may have taken the room meanwhile.
    let again = false;
    for (const until = performance.now() + 10_000; !again && performance.now() < until; addon.poll([self], [1], 5)) {
      again = addon.sendSignal(self, undefined, first, 0);
    }
    fd.close();
    return { full: sent < 1000, all: got === sent, again };
  },

  guards() {
    const folder = mkdtempSync(join(tmpdir(), 'callgate-guard-'));
    try {
      const path = join(folder, 'guard');
      const lock = addon.lockFile(path)!;
      const fd = addon.takeSignals([first], lock);
      const guard = addon.openGuard(path);
      const self = addon.openProcess(process.pid);
      const held = addon.isGuardHeld(guard) && addon.sendSignal(self, guard, first, 7);
      const got = readAll(fd).length;
      lock.close();
      // The signals are still taken, so the lock is still held.
      const kept = addon.isGuardHeld(guard);
      fd.close();
      return { held, got, kept, let: codeOf(() => addon.sendSignal(self, guard, first, 7)) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },

  'not-permitted': () => codeOf(() => addon.sendSignal(addon.openProcess(1), undefined, 0)),
});
