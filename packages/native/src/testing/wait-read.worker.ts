// Connects, and then reads for as long as told, or lets the other side wait for a byte and for the end.
import { parentPort } from 'node:worker_threads';
import { loadAddon } from '../load.js';

const addon = loadAddon();
const [path, task] = process.argv.slice(2) as [string, string];
const socket = addon.connectUnix(path, 0);
parentPort!.postMessage('connected');
if (task === 'write') {
  addon.poll([socket], [1], 50);
  addon.write(socket, Uint8Array.of(7), 0, 1);
  addon.poll([socket], [1], 50);
  socket.close();
} else {
  const began = performance.now();
  const result = addon.read(socket, new Uint8Array(1), 0, 1, Number(task));
  parentPort!.postMessage({ waited: performance.now() - began, result });
}
