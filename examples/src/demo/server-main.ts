/** A server of the demo: offers the city service at one URL until its lifeline ends. A process, or a thread of the client. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { jobOf, localCertificate, onLifelineEnd } from '@callgate/bench';
import { createServer } from 'callgate';
import { Geo } from '../gen/geo.js';
import { openAtlas } from './atlas.js';
import { createGeoService } from './service.js';

export interface ServerJob {
  readonly url: string;
}

const { url } = isMainThread ? jobOf<ServerJob>() : (workerData as ServerJob);
const server = createServer();
server.add(Geo, createGeoService(openAtlas()));
try {
  await server.listen(url, url.startsWith('tls:') ? localCertificate : {});
} catch (error) {
  if (!isMainThread) throw error;
  console.error(`demo: cannot serve at ${url}: ${(error as Error).message}`);
  process.exit(1);
}

if (isMainThread) {
  onLifelineEnd(() => server.close());
  console.log('ready');
} else {
  parentPort?.postMessage('ready');
}
