/** The program of every peer, in a child process or in a worker thread. It does what it is told, and nothing else. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { type CommandName, commands } from './commands.js';
import { dieWithParent } from './orphan.js';
import { type Reply, type Request, type Start, toPlainError } from './protocol.js';
import { loadTransport, Self } from './self.js';

const start = (isMainThread ? JSON.parse(process.argv[2] ?? '') : workerData) as Start;
const self = new Self(await loadTransport(start.transport), start);

function say(reply: Reply): void {
  if (isMainThread) process.send?.(reply);
  else parentPort?.postMessage(reply);
}

async function obey({ id, command, args }: Request): Promise<void> {
  if (command.endsWith('Sync') || command.startsWith('wait')) dieWithParent();
  say({ kind: 'began', id });
  try {
    const run = commands[command as CommandName] as (self: Self, args: unknown) => unknown;
    say({ kind: 'value', id, value: await run(self, args) });
  } catch (thrown) {
    say({ kind: 'error', id, error: toPlainError(thrown) });
  }
}

if (isMainThread) {
  process.on('message', (request) => void obey(request as Request));
  process.on('disconnect', () => process.exit(1));
} else {
  parentPort?.on('message', (request: Request) => void obey(request));
}
say({ kind: 'ready' });
