/** A thread with a blocking client, which sends metadata as it is told and tells what came; the test's thread watches it. */
import { parentPort, workerData } from 'node:worker_threads';
import { RpcError } from '../../errors/index.js';
import { Texts } from '../../testing/text-service.js';
import { inprocTransport, parseAddress } from '../../transport/index.js';
import { createSyncClientOn } from '../index.js';

export interface Order {
  readonly text: string;
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
}

/** In the order in which it happened. */
export type Outcome = readonly (readonly [what: string, value: unknown])[];

const target = {
  address: parseAddress((workerData as { url: string }).url),
  transport: inprocTransport,
  transportOptions: {},
};
const client = createSyncClientOn(Texts, () => target);

parentPort?.on('message', ({ text, metadata }: Order) => {
  const happened: [string, unknown][] = [];
  try {
    const reply = client.work(
      { text },
      {
        metadata,
        onHeaders: (headers) => {
          if (headers.get('throw') === 'yes') throw new Error('no more of this');
          happened.push(['headers', [...headers]]);
        },
        onTrailers: (trailers) => happened.push(['trailers', [...trailers]]),
      },
    );
    happened.push(['reply', reply.text]);
  } catch (thrown) {
    if (!RpcError.is(thrown)) throw thrown;
    happened.push(['error', [thrown.code, thrown.message, ...(thrown.metadata ?? [])]]);
  }
  parentPort?.postMessage(happened satisfies Outcome);
});
