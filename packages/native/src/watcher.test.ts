import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import type { Fd, Watcher } from './addon.js';
import { loadAddon } from './load.js';
import { createBell, drainBell, ringBell } from './testing/bells.js';
import { runScenario, startChild } from './testing/child.js';
import { scratchFolder, socketPair, thrownBy } from './testing/sockets.js';

const addon = loadAddon();

/** Watches for one event and closes the watcher in its own callback. */
function once(fd: Fd, events: number): Promise<number> {
  return new Promise((resolve) => {
    const watcher = addon.createWatcher(fd, (found) => {
      watcher.close();
      watcher.close();
      resolve(found);
    });
    watcher.watch(events);
  });
}

/** Lets the event loop turn: what is ready by now has been reported afterwards. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a watcher reports what it watches for, with the bits of poll', async () => {
  using pair = socketPair();
  expect(await once(pair.client, 3)).toBe(2);
  addon.write(pair.server, Uint8Array.of(1), 0, 1);
  expect(await once(pair.client, 1)).toBe(1);
  expect(await once(pair.client, 3)).toBe(3);
  addon.shutdownSocket(pair.server);
  expect((await once(pair.client, 4)) & 4).toBe(4);
});

test('a watcher reports again and again until what it watches for is gone', async () => {
  const bell = createBell();
  let heard = 0;
  await new Promise<void>((resolve) => {
    const watcher = addon.createWatcher(bell, () => {
      heard += 1;
      if (heard === 3) {
        drainBell(bell);
        watcher.close();
        resolve();
      }
    });
    watcher.watch(1);
    ringBell(bell);
  });
  await turns();
  expect(heard).toBe(3);
  bell.close();
});

test('a stopped watcher is silent and can go on', async () => {
  const bell = createBell();
  let heard = 0;
  const watcher = addon.createWatcher(bell, () => {
    heard += 1;
    watcher.watch(0);
  });
  ringBell(bell);
  await turns();
  expect(heard).toBe(0);
  watcher.watch(1);
  await turns();
  expect(heard).toBe(1);
  watcher.watch(1);
  await turns();
  expect(heard).toBe(2);
  watcher.close();
  bell.close();
});

test('bytes that came before a reset are reported with the error, and the watch goes on', async () => {
  using pair = socketPair();
  addon.write(pair.client, Uint8Array.of(1), 0, 1);
  addon.write(pair.server, Uint8Array.of(2), 0, 1);
  pair.server.close();
  const seen: string[] = [];
  const bytes = new Uint8Array(1);
  await new Promise<void>((resolve) => {
    const watcher = addon.createWatcher(pair.client, (events) => {
      seen.push(`${events & 9}`);
      if (seen.length < 2) return;
      expect(addon.read(pair.client, bytes, 0, 1)).toBe(1);
      expect(thrownBy(() => addon.read(pair.client, bytes, 0, 1)).code).toBe('ECONNRESET');
      watcher.close();
      resolve();
    });
    watcher.watch(1);
  });
  expect(seen).toEqual(['9', '9']);
});

test('microtasks and ticks run between two events', async () => {
  const bells = [createBell(), createBell()];
  const order: string[] = [];
  const watchers: Watcher[] = [];
  await new Promise<void>((resolve) => {
    for (const bell of bells) {
      const watcher = addon.createWatcher(bell, () => {
        watcher.close();
        order.push('event');
        process.nextTick(() => order.push('tick'));
        Promise.resolve().then(() => order.push('microtask'));
        if (order.filter((entry) => entry === 'event').length === 2) setImmediate(resolve);
      });
      watcher.watch(1);
      watchers.push(watcher);
      ringBell(bell);
    }
  });
  expect(order).toEqual(['event', 'tick', 'microtask', 'event', 'tick', 'microtask']);
  for (const bell of bells) bell.close();
});

test('callbacks run in the asynchronous context in which the watcher was made', async () => {
  const storage = new AsyncLocalStorage<string>();
  const bell = createBell();
  const seen = await new Promise((resolve) => {
    storage.run('here', () => {
      const watcher = addon.createWatcher(bell, () => {
        watcher.close();
        resolve(storage.getStore());
      });
      watcher.watch(1);
    });
    ringBell(bell);
  });
  expect(seen).toBe('here');
  bell.close();
});

test('a second watcher on one descriptor is refused until the first is closed', () => {
  const bell = createBell();
  const first = addon.createWatcher(bell, () => {});
  const error = thrownBy(() => addon.createWatcher(bell, () => {}));
  expect(error.message).toBe(
    `uv_poll: EEXIST (descriptor ${bell.value} has a watcher already; an event loop takes one per descriptor)`,
  );
  first.close();
  addon.createWatcher(bell, () => {}).close();
  bell.close();
});

test('closing a descriptor closes its watcher, and its number is free for another', async () => {
  const bell = createBell();
  const { value } = bell;
  const watcher = addon.createWatcher(bell, () => {
    throw new Error('the watcher of a closed descriptor');
  });
  watcher.watch(1);
  ringBell(bell);
  bell.close();
  const next = createBell();
  expect(next.value).toBe(value);
  ringBell(next);
  expect(await once(next, 1)).toBe(1);
  expect(thrownBy(() => watcher.watch(1)).message).toBe('uv_poll: EBADF (the watcher is closed)');
  watcher.ref();
  watcher.unref();
  watcher.close();
  next.close();
});

test('what cannot be watched says so', () => {
  using folder = scratchFolder();
  const file = addon.lockFile(folder.file('regular'))!;
  expect(thrownBy(() => addon.createWatcher(file, () => {})).message).toBe(
    'uv_poll: EPERM (this kind of file cannot be watched)',
  );
  file.close();
  const bell = createBell();
  const watcher = addon.createWatcher(bell, () => {});
  for (const events of [-1, 8, 0.5, Number.NaN]) expect(() => watcher.watch(events)).toThrow(RangeError);
  watcher.close();
  bell.close();
});

test('an error in a callback is an uncaughtException, and the loop goes on', async () => {
  expect(await runScenario('watcher.child', 'throws')).toEqual({ caught: ['first', 'second'] });
});

test('an error in a callback that nobody catches ends the process', async () => {
  const child = startChild('watcher.child', ['throws-uncaught']);
  const { status, stderr } = await child.ended;
  expect(status).toBe(1);
  expect(stderr).toContain('nobody catches this');
});

test('a watching watcher keeps the process alive, unless it is unreferenced, stopped or closed', async () => {
  for (const scenario of ['unreferenced', 'stopped', 'closed']) {
    expect(await runScenario('watcher.child', scenario)).toBe(scenario);
  }
  const child = startChild('watcher.child', ['referenced']);
  expect(await child.line()).toBe('"referenced"');
  expect(await child.line()).toBe('rung, and still alive');
  expect((await child.ended).status).toBe(0);
});
