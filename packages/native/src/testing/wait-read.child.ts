// Programs that block their thread in a read; their parent watches over them.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';
import { playScenario } from './child.js';
import { scratchFolder, socketPair } from './sockets.js';
import { tcpPair } from './tcp.js';

const addon = loadAddon();
const room = new Uint8Array(16);
const pairs = { unix: socketPair, tcp: tcpPair };
const newPair = pairs[process.argv[3] as keyof typeof pairs];

function timed(socket: Fd, timeoutMs: number): { readonly waited: number; readonly result: number } {
  const began = performance.now();
  const result = addon.read(socket, room, 0, 16, timeoutMs);
  return { waited: performance.now() - began, result };
}

/** A worker that connects to this thread, and the socket here. */
async function visitor(task: string): Promise<{ readonly worker: Worker; readonly socket: Fd }> {
  using folder = scratchFolder();
  const listener = addon.listenUnix(folder.file('s'), 0o600, 1);
  const worker = new Worker(new URL('./wait-read.worker.js', import.meta.url), { argv: [folder.file('s'), task] });
  await once(worker, 'message');
  const socket = addon.acceptUnix(listener)!;
  listener.close();
  return { worker, socket };
}

await playScenario({
  timeouts() {
    using pair = newPair();
    // In this order: a long one leaves a limit with the socket that is no good for the short one after it.
    return [0.3, 350, 60, 21, 15, 0, -1, 150].map((timeoutMs) => ({ timeoutMs, ...timed(pair.client, timeoutMs) }));
  },

  'still-tries'() {
    using pair = newPair();
    timed(pair.client, 60);
    return [addon.read(pair.client, room, 0, 16), timed(pair.client, 0).result];
  },

  signals() {
    using pair = newPair();
    process.on('SIGUSR2', () => {});
    console.log('waiting');
    return timed(pair.client, 400);
  },

  async 'for-ever'() {
    const { socket } = await visitor('write');
    return [timed(socket, Number.POSITIVE_INFINITY).result, room[0], timed(socket, Number.POSITIVE_INFINITY).result];
  },

  async worker() {
    const { worker, socket } = await visitor('250');
    const [told] = await once(worker, 'message');
    socket.close();
    return told;
  },

  async terminated() {
    const { worker, socket } = await visitor('Infinity');
    const code = await worker.terminate();
    socket.close();
    return code;
  },
});
