/** The server of the interop suite: in a process of its own at a URL, at the pipes it was started with, or in a thread. */
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { type CallContext, createServer, type Handlers, RpcError, type TransportOptions } from '../../index.js';
import { type Status, Test } from './gen/interop.js';

const ECHO_HEADER = 'x-interop-echo-initial';
const ECHO_TRAILER = 'x-interop-echo-trailing-bin';

const [url, transport] = (isMainThread ? process.argv.slice(2) : workerData) as [string, string];

let stopped = 0;

/** Says what was said, and listens for the caller to give up. */
function attend(context: CallContext): void {
  const header = context.metadata.get(ECHO_HEADER);
  const trailer = context.metadata.get(ECHO_TRAILER);
  if (header !== undefined) context.headers.set(ECHO_HEADER, header);
  if (trailer !== undefined) context.trailers.set(ECHO_TRAILER, trailer);
  context.signal.addEventListener('abort', () => {
    stopped++;
  });
}

function failIfAsked(status: Status | undefined): void {
  if (status !== undefined) throw new RpcError(status.code as 'ABORTED', status.message);
}

type Served = Omit<Handlers<typeof Test>, 'unimplemented'>;

const handlers: Served = {
  emptyCall: () => ({}),
  unaryCall({ replyBytes, status }, context) {
    attend(context);
    failIfAsked(status);
    return { payload: new Uint8Array(replyBytes) };
  },
  async streamingInput(requests, context) {
    attend(context);
    let bytes = 0;
    for await (const { payload } of requests) bytes += payload.length;
    return { bytes };
  },
  async *streamingOutput({ replyBytes, intervalMs, status }, context) {
    attend(context);
    for (const bytes of replyBytes) {
      if (intervalMs > 0) await setTimeout(intervalMs, undefined, { signal: context.signal });
      yield { payload: new Uint8Array(bytes) };
    }
    failIfAsked(status);
  },
  async *fullDuplex(requests, context) {
    attend(context);
    for await (const { replyBytes, intervalMs, status } of requests) {
      for (const bytes of replyBytes) {
        if (intervalMs > 0) await setTimeout(intervalMs, undefined, { signal: context.signal });
        yield { payload: new Uint8Array(bytes) };
      }
      failIfAsked(status);
    }
  },
  aftermath() {
    const before = stopped;
    stopped = 0;
    return { stopped: before, running: server.stats.running - 1 };
  },
};

const { unimplemented: _, ...served } = Test.methods;
// What fails because its caller has gone is told to the caller, and is no news here.
const server = createServer({ onError: () => undefined });
server.add({ typeName: Test.typeName, methods: served }, handlers);
const [listening] = await server.listen(url, JSON.parse(transport) as TransportOptions);
if (parentPort === null) {
  process.once('SIGTERM', () => server.close());
  process.stdout.write(`${listening}\n`);
} else {
  parentPort.once('message', () => server.close());
  parentPort.postMessage(listening);
}
