import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { spawnWithPipes } from 'callgate/pipe';
import type { ServerJob } from './server-main.js';
import type { Meeting, NodeSubject } from './subject.js';

/** What a client has of its server: how to meet it, whose usage to count, and how to end it. */
export interface Companion {
  readonly meeting: Meeting;
  /** The processes of client and server, each once. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const program = new URL('server-main.js', import.meta.url);

/**
 * Brings a client together with its server, which it starts itself where the subject lives in a child or a thread.
 * @param serverPid of the server that already runs, for subjects that live in a process of their own
 */
export async function meet(subject: NodeSubject, job: ServerJob, serverPid?: number): Promise<Companion> {
  const { dir, maxMessageBytes } = job;
  const common = maxMessageBytes === undefined ? { dir } : { dir, maxMessageBytes };
  if (subject.home === 'thread') {
    const worker = new Worker(program, { workerData: job });
    await once(worker, 'message');
    const stop = async () => void (await worker.terminate());
    return { meeting: { ...common, worker }, pids: [process.pid], stop };
  }
  if (subject.home === 'child') {
    const child = fork(program, [JSON.stringify(job)], { serialization: subject.serialization ?? 'advanced' });
    await once(child, 'message');
    const gone = once(child, 'exit');
    const stop = async () => {
      if (child.connected) child.disconnect();
      await gone;
    };
    return { meeting: { ...common, child }, pids: [process.pid, child.pid ?? -1], stop };
  }
  if (subject.home === 'piped') {
    const args = [fileURLToPath(program), JSON.stringify(job)];
    // Its standard input is its lifeline.
    const piped = await spawnWithPipes(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] });
    const gone = once(piped.process, 'exit');
    const stop = async () => {
      piped.process.stdin?.end();
      await gone;
    };
    return { meeting: { ...common, url: piped.url }, pids: [process.pid, piped.pid], stop };
  }
  if (serverPid === undefined) throw new Error(`${subject.name}: no server was started`);
  return { meeting: common, pids: [process.pid, serverPid], stop: async () => {} };
}
