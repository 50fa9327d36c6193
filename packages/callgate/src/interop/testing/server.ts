/** The server of the interop suite: in a process of its own at a URL, at the pipes it was started with, or in a thread. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createServer, type TransportOptions } from '../../index.js';
import service, { served } from './service.js';

const [url, transport, pool] = (isMainThread ? process.argv.slice(2) : workerData) as [string, string, string];

// What fails because its caller has gone is told to the caller, and is no news here. What the handlers count they count in
// their thread, so that a pool has one of them, which has as many calls at a time as come.
const onError = (): void => undefined;
const server =
  pool === 'pool'
    ? createServer({ onError, pool: { maximum: 1, perWorker: 5000 } }).add(served, {
        module: new URL('./service.js', import.meta.url),
      })
    : createServer({ onError }).add(served, service.implementation);
const [listening] = await server.listen(url, JSON.parse(transport) as TransportOptions);
if (parentPort === null) {
  process.once('SIGTERM', () => server.close());
  process.stdout.write(`${listening}\n`);
} else {
  parentPort.once('message', () => server.close());
  parentPort.postMessage(listening);
}
