// Listens at the address of its first argument, with the options of its second, and prints a line of JSON for each
// message, one for each answer. A line of its input is a command. Ends with its input.
import { once } from 'node:events';
import { url as inspectorUrl } from 'node:inspector';
import { createInterface } from 'node:readline';
import { isMainThread, Worker } from 'node:worker_threads';
import { type Link, type Listener, parseAddress } from '@callgate/core/transport';
import { signalTransport } from '../transport.js';
import { say, threadMasks } from './lines.js';
import { BELL } from './notifications.js';

const [url = '', options = '{}'] = process.argv.slice(2);

let link: Link | undefined;
let listener: Listener | undefined;
let heard = 0;
let quiet = false;
const batch: number[] = [];
/** Signals that are not for notifying, and how often handlers of the user have heard of them. */
const others = ['SIGUSR1', 'SIGCHLD', 'SIGTERM'] as const;
const counts = new Map<string, number>();

async function listen(): Promise<void> {
  const onLink = (made: Link): void => {
    link = made;
    void receive(made);
  };
  try {
    listener = await signalTransport.listen(parseAddress(url), JSON.parse(options), onLink, undefined, BELL);
    say({ listening: listener.url });
  } catch (error) {
    const { code, reason, message } = error as { code?: string; reason?: string; message: string };
    say({ code, reason, message });
  }
}

async function receive(from: Link): Promise<void> {
  do {
    for (let span = from.receive(); span !== null; span = from.receive()) {
      const place = span.view.getUint32(span.start, true);
      const value = span.view.getUint32(span.start + 4, true);
      heard++;
      if (quiet) batch.push(value);
      else say({ place, value, from: from.peer.credentials });
      from.release();
    }
  } while (await from.whenReadable(Number.POSITIVE_INFINITY).then(() => !from.ended));
  say({ ended: from.end?.by, orderly: from.end?.orderly });
}

const commands: Record<string, () => unknown> = {
  listen,
  hold: () => listener?.hold?.(),
  release: () => listener?.release?.(),
  close: () => link?.close(),
  withdraw: () => listener?.close(),
  quiet: () => {
    quiet = true;
  },
  // What was counted is in order when each is one more than the one before.
  count: () => ({ heard, inOrder: batch.every((value, i) => i === 0 || value === batch[i - 1]! + 1) }),
  masks: threadMasks,
  handle: () => {
    process.on('SIGUSR2', () => say('the handler of the user'));
  },
  handleOthers: () => {
    for (const signal of others) process.on(signal, () => counts.set(signal, (counts.get(signal) ?? 0) + 1));
  },
  counts: () => Object.fromEntries(counts),
  /** Node itself learns by SIGCHLD that a child has ended. */
  spawnAwaited: async () => {
    const { spawn } = await import('node:child_process');
    const [code] = await once(spawn('true'), 'exit');
    return code;
  },
  inspected: () => inspectorUrl() !== undefined,
  spawn: async () => {
    const { spawnSync } = await import('node:child_process');
    return spawnSync('true').status;
  },
  worker: async () => {
    const worker = new Worker(new URL(import.meta.url), { argv: [url, options], stdin: true });
    worker.unref();
    workers.push(worker);
  },
  terminate: async () => Promise.all(workers.splice(0).map((worker) => worker.terminate())),
  /** Stops listening and begins again, many times, while others send. */
  restart: async () => {
    for (let i = 0; i < 30; i++) {
      await link?.close();
      await listen();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  },
  exit: () => process.exit(0),
};
const workers: Worker[] = [];

if (isMainThread) {
  if (process.argv[4] !== 'later') await listen();
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await commands[line]?.();
    say({ did: line, answer });
  }
  await link?.close();
} else {
  await listen();
}
