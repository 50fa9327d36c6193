/**
 * The server program of a cell: serves one subject until its lifeline ends. Runs as a process that the runner started,
 * as a child that the client forked (then it has an IPC channel) or as a thread of the client.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { jobOf, onLifelineEnd } from './children.js';
import type { NodeSubject, ServerNeeds } from './subject.js';
import { loadSubject } from './subjects/module.js';
import { collectGarbage } from './usage.js';

/** What the starter says. */
export interface ServerJob extends ServerNeeds {
  readonly subject: string;
  /** The URL of the module that has it. */
  readonly module: string;
  readonly dir: string;
}

const job = isMainThread ? jobOf<ServerJob>() : (workerData as ServerJob);
const stop = await ((await loadSubject(job.module, job.subject)) as NodeSubject).serve(job.dir, job);

if (!isMainThread) {
  parentPort?.postMessage('ready');
} else if (process.send) {
  process.on('disconnect', () => void stop().then(() => process.exit(0)));
  process.send('ready');
} else {
  process.on('SIGUSR2', collectGarbage); // whoever is about to read how much memory it takes
  onLifelineEnd(stop);
  console.log('ready');
}
