// Programs that block their thread; their parent watches over them.
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../load.js';
import { createBell } from './bells.js';
import { playScenario } from './child.js';

const addon = loadAddon();

function timed(timeoutMs: number): { readonly waited: number; readonly result: number } {
  const bell = createBell();
  const began = performance.now();
  const result = addon.poll([bell], [1], timeoutMs);
  return { waited: performance.now() - began, result };
}

await playScenario({
  timeouts() {
    const all = [0.3, 20.5, 150, 0].map(timed);
    return { waited: all.map((one) => one.waited), result: all.map((one) => one.result) };
  },

  async 'worker-timeout'() {
    const worker = new Worker(new URL('./poll.worker.js', import.meta.url), { argv: ['250'] });
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  },

  signals() {
    process.on('SIGUSR2', () => {});
    console.log('waiting');
    return timed(400);
  },

  'for-ever'() {
    // Rings after the main thread has begun to wait, most probably; before is right too.
    const bell = createBell();
    new Worker(new URL('./poll.worker.js', import.meta.url), { argv: ['ring', String(bell.value)] }).unref();
    return addon.poll([bell], [1], Number.POSITIVE_INFINITY);
  },
});
