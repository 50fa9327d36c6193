/** A thread with a blocking client of one-way calls, which does what it is told; the test's thread watches it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Timeout } from '../../channel/index.js';
import { RpcError } from '../../errors/index.js';
import { Texts } from '../../testing/text-service.js';
import { inprocTransport, parseAddress } from '../../transport/index.js';
import { createSyncClientOn } from '../index.js';

export interface Order {
  readonly text: string;
  readonly timeout: Timeout;
}

export interface Outcome {
  readonly elapsedMs: number;
  readonly error?: { readonly code: string; readonly reason: string; readonly message: string };
}

const target = {
  address: parseAddress((workerData as { url: string }).url),
  transport: inprocTransport,
  transportOptions: { ringBytes: 4096, maxMessageBytes: 1024 },
};
const client = createSyncClientOn(Texts, () => target, { direction: 'send' });

parentPort?.on('message', ({ text, timeout }: Order) => {
  parentPort?.postMessage('begun');
  const start = performance.now();
  try {
    client.note({ text }, { timeout });
    parentPort?.postMessage({ elapsedMs: performance.now() - start } satisfies Outcome);
  } catch (thrown) {
    if (!RpcError.is(thrown)) throw thrown;
    const { code, reason, message } = thrown;
    parentPort?.postMessage({
      elapsedMs: performance.now() - start,
      error: { code, reason, message },
    } satisfies Outcome);
  }
});
parentPort?.postMessage('ready');
