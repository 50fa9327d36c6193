import { isMainThread, Worker } from 'node:worker_threads';

/** Runs on a thread of its own, since the thread that it watches over is about to block. */
const program = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 250);
`;

let watcher: Worker | undefined;

/** From now on this process dies when its parent has died, even while its main thread blocks for ever. */
export function dieWithParent(): void {
  if (!isMainThread || watcher !== undefined) return;
  watcher = new Worker(program, { eval: true });
  watcher.unref();
}
