// Programs whose end depends on a watcher.
import type { Fd, Watcher } from '../addon.js';
import { loadAddon } from '../load.js';
import { createBell, ringBell } from './bells.js';
import { playScenario } from './child.js';

const addon = loadAddon();

function watchBell(onRing: (bell: Fd) => void = () => {}): { readonly bell: Fd; readonly watcher: Watcher } {
  const bell = createBell();
  const watcher = addon.createWatcher(bell, () => onRing(bell));
  watcher.watch(1);
  return { bell, watcher };
}

await playScenario({
  async throws() {
    const caught: string[] = [];
    const words = ['first', 'second'];
    return new Promise((resolve) => {
      process.on('uncaughtException', (error) => {
        caught.push(error.message);
        if (words.length === 0) {
          watcher.close();
          resolve({ caught });
        }
      });
      const { bell, watcher } = watchBell(() => {
        throw new Error(words.shift());
      });
      ringBell(bell);
    });
  },

  async 'throws-uncaught'() {
    const { bell } = watchBell(() => {
      throw new Error('nobody catches this');
    });
    ringBell(bell);
    return new Promise(() => {});
  },

  unreferenced() {
    const { watcher } = watchBell();
    watcher.unref();
    return 'unreferenced';
  },

  stopped() {
    watchBell().watcher.watch(0);
    return 'stopped';
  },

  closed() {
    watchBell().watcher.close();
    return 'closed';
  },

  referenced() {
    const { bell, watcher } = watchBell(() => {
      console.log('rung, and still alive');
      watcher.close();
    });
    watcher.unref();
    watcher.ref();
    // Nothing else keeps the process alive when this fires.
    setTimeout(() => ringBell(bell), 200).unref();
    return 'referenced';
  },
});
