// Waits for the given time and tells how long it was, or rings a bell of the main thread after a while.
import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { loadAddon } from '../load.js';
import { createBell } from './bells.js';

const addon = loadAddon();
const [task, number] = process.argv.slice(2) as [string, string | undefined];
const began = performance.now();
if (task === 'ring') {
  addon.poll([createBell()], [1], 50);
  writeSync(Number(number), new Uint8Array(new BigUint64Array([1n]).buffer));
} else {
  addon.poll([createBell()], [1], Number(task));
  parentPort!.postMessage({ waited: performance.now() - began });
}
