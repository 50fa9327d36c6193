/**
 * The server program of a cell: serves one subject until its lifeline ends. Runs as a process that the runner started,
 * as a child that the client forked (then it has an IPC channel) or as a thread of the client.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { jobOf, onLifelineEnd } from './children.js';
import type { NodeSubject } from './subject.js';
import { subjectNamed } from './subjects/index.js';

/** What the starter says. */
export interface ServerJob {
  readonly subject: string;
  readonly dir: string;
}

const job = isMainThread ? jobOf<ServerJob>() : (workerData as ServerJob);
const stop = await (subjectNamed(job.subject) as NodeSubject).serve(job.dir);

if (!isMainThread) {
  parentPort?.postMessage('ready');
} else if (process.send) {
  process.on('disconnect', () => void stop().then(() => process.exit(0)));
  process.send('ready');
} else {
  onLifelineEnd(stop);
  console.log('ready');
}
