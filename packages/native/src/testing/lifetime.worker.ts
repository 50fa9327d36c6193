// What a worker does before it is ended; it reports when it is in the middle of it.
import { parentPort } from 'node:worker_threads';
import { loadAddon } from '../load.js';
import { createBell, ringBell } from './bells.js';
import { mappingsOf } from './proc.js';
import { socketPair } from './sockets.js';

const addon = loadAddon();
const port = parentPort!;

/** Kept here so that nothing is collected. */
const held: unknown[] = [];

function hold(): void {
  const memory = addon.createMemfd('held', 4096);
  const bell = createBell();
  const closed = createBell();
  closed.close();
  const pair = socketPair();
  const watchers = [bell, pair.server, pair.listener].map((fd) => addon.createWatcher(fd, () => {}));
  watchers[0]!.watch(1);
  watchers[1]!.watch(5);
  watchers[1]!.close();
  held.push(memory, bell, pair, watchers, addon.mapMemfd(memory, 4096), addon.mapMemfd(memory, 4096));
}

const roles: Readonly<Record<string, () => void>> = {
  nothing() {
    port.postMessage(0);
  },
  hold() {
    hold();
    port.postMessage({ mappings: mappingsOf('held') });
    port.on('message', () => {});
  },
  end() {
    hold();
    for (const item of held.flat()) {
      if (typeof item === 'object' && item !== null && 'unref' in item) (item as { unref(): void }).unref();
    }
  },
  poll() {
    hold();
    port.postMessage('polling');
    addon.poll([createBell()], [1], Number.POSITIVE_INFINITY);
  },
  connect() {
    // The main thread made the folder and removes it: nothing of this thread runs once it is terminated.
    const path = process.argv[3]!;
    held.push(addon.listenUnix(path, 0o600, 0), addon.connectUnix(path, 0));
    port.postMessage('connecting');
    addon.connectUnix(path, Number.POSITIVE_INFINITY);
  },
  'spin-in-callback'() {
    const bell = createBell();
    addon
      .createWatcher(bell, () => {
        port.postMessage('spinning');
        for (;;);
      })
      .watch(1);
    ringBell(bell);
  },
  'move-away'() {
    const memory = addon.createMemfd('away', 4096);
    const { buffer } = addon.mapMemfd(memory, 4096);
    new Uint8Array(buffer)[0] = 7;
    const moved = (buffer as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
    port.postMessage(moved, [moved]);
    port.on('message', () => {});
  },
};

roles[process.argv[2]!]!();
