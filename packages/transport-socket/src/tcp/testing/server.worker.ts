/** A server on a thread of its own: says where it listens, and serves until the thread is terminated. */
import { parentPort } from 'node:worker_threads';
import { parseAddress } from '@callgate/core/transport';
import { tcpTransport } from '../../index.js';

const { url } = await tcpTransport.listen(parseAddress('tcp:0'), {}, () => undefined);
parentPort?.postMessage(url);
