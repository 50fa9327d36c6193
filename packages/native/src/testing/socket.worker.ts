// Connects, blocking for as long as it takes, to a listener whose backlog is full at first.
import { parentPort } from 'node:worker_threads';
import { loadAddon } from '../load.js';

const addon = loadAddon();
parentPort!.postMessage('connecting');
const client = addon.connectUnix(process.argv[2]!, Number.POSITIVE_INFINITY);
parentPort!.postMessage('connected');
client.close();
