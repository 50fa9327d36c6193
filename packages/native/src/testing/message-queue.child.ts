import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createMessageQueue, loadAddon, type NativeAddon, queueRows } from '../index.js';
import { createBell, ringBell } from './bells.js';

const never = Number.POSITIVE_INFINITY;
const addon = loadAddon();
const [scenario = '', argument = '0'] = (process.argv[2] ?? '').split(':');

if (isMainThread) console.log(JSON.stringify(await play()));
else block(addon, workerData as string);

async function play(): Promise<unknown> {
  switch (scenario) {
    case 'waits':
      return waits();
    case 'terminate':
      return terminate();
    case 'stranger':
      return stranger();
    case 'exhaust':
      return exhaust();
    default:
      return awaits();
  }
}

function waits(): unknown {
  const queue = addon.getMessageQueue(0, 2, 0o600, 1);
  const room = Buffer.alloc(108);
  const begun = performance.now();
  const deadline = addon.awaitMessage(queue, room, 8, 108, 30);
  const late = performance.now() - begun >= 30;
  const bell = createBell();
  addon.watchWhileAwaiting(queue, bell);
  ringBell(bell);
  const descriptor = addon.awaitMessage(queue, room, 8, 108, never);
  addon.watchWhileAwaiting(queue);
  room.write('abc', 8);
  addon.sendMessage(queue, 1, room, 8, 11, 0);
  const message = addon.awaitMessage(queue, room, 8, 108, never);
  // Each has a deadline that is soon over, so that the alarm comes in the middle of it again and again.
  let thousand = 0;
  for (let i = 0; i < 1000; i++) {
    addon.sendMessage(queue, 1, room, 8, 11, 0);
    if (addon.awaitMessage(queue, room, 8, 108, 5) === 3) thousand++;
  }
  queue.close();
  return { deadline, descriptor, message, late, thousand };
}

async function terminate(): Promise<unknown> {
  const count = (): number => queueRows().filter((row) => row.mode === 0o640).length;
  const before = count();
  for (const how of ['await', 'receive', 'send']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: how });
    await once(worker, 'message');
    await worker.terminate();
  }
  return { left: count() - before };
}

function block(native: NativeAddon, how: string): void {
  const queue = native.getMessageQueue(0, 2, 0o640, 1);
  const room = Buffer.alloc(108);
  import('node:worker_threads').then(({ parentPort }) => {
    parentPort?.postMessage('blocking');
    if (how === 'await') native.awaitMessage(queue, room, 8, 108, never);
    if (how === 'send') {
      native.setMessageQueueCapacity(queue, 100);
      native.sendMessage(queue, 1, room, 8, 108, never);
      native.sendMessage(queue, 1, room, 8, 108, never);
    }
    const thread = native.createMessageThread(() => undefined);
    thread.receive(queue, 3, 100);
    thread.wait(never);
  });
}

function stranger(): string {
  process.setgid?.(65_534);
  process.setuid?.(65_534);
  try {
    createMessageQueue({ key: Number(argument) });
    return 'nothing was refused';
  } catch (error) {
    return (error as Error).message;
  }
}

function exhaust(): string {
  try {
    for (let i = 0; i < 3; i++) createMessageQueue();
    return 'nothing was refused';
  } catch (error) {
    return (error as Error).message;
  }
}

async function awaits(): Promise<unknown> {
  const queue = createMessageQueue();
  queue.unlink();
  queue.close();
  const thread = addon.createMessageThread(() => {
    const room = Buffer.alloc(108);
    console.log(room.toString('utf8', 8, 8 + thread.fetch(room, 8, 108)));
    thread.close();
  });
  thread.receive(addon.attachMessageQueue(Number(argument)), 0, 100);
  thread.ref();
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  return 'turning';
}
