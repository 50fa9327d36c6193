import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child, Children } from './children.js';
import type { ClientJob, ClientTask } from './client-main.js';
import { roomOf } from './scenario.js';
import type { ServerJob } from './server-main.js';
import type { NodeSubject, ServerNeeds } from './subject.js';
import { moduleOf } from './subjects/module.js';

const serverProgram = new URL('server-main.js', import.meta.url);
const clientProgram = new URL('client-main.js', import.meta.url);

/** A client and its server, each in a fresh process as far as the subject has two. */
export interface Pair {
  readonly client: Child;
  /** Undefined when it is in the client's process. */
  readonly server: Child | undefined;
  stop(): Promise<void>;
}

/**
 * Starts a server, waits until a client may come, and starts the client.
 * @param wrap how to start the programs under another one, such as strace: its command line up to theirs
 */
export async function startPair(
  children: Children,
  subject: NodeSubject,
  task: ClientTask,
  wrap: (part: 'server' | 'client') => readonly string[] = () => [],
): Promise<Pair> {
  const { server, job, launch } = await startServer(children, subject, needsOf(task), wrap);
  const client = launch('client', { ...job, ...(server && { serverPid: server.pid }), task });
  return {
    client,
    server,
    async stop() {
      await client.stop();
      await server?.stop();
    },
  };
}

/** A server to which any number of clients may come. */
export interface Served {
  /** Undefined when each client starts its own. */
  readonly server: Child | undefined;
  /** What every program of the cell is told. */
  readonly job: ServerJob;
  /** Starts another program of the cell. */
  launch(part: 'server' | 'client', job: ServerJob | ClientJob): Child;
}

/** Starts a server and waits until clients may come. */
export async function startServer(
  children: Children,
  subject: NodeSubject,
  needs: ServerNeeds = {},
  wrap: (part: 'server' | 'client') => readonly string[] = () => [],
): Promise<Served> {
  const dir = mkdtempSync(join(children.dir, `${subject.name.replaceAll(/\W/g, '-')}-`));
  const job: ServerJob = { ...needs, subject: subject.name, module: await moduleOf(subject), dir };
  const launch = (part: 'server' | 'client', say: ServerJob | ClientJob) => {
    const program = part === 'server' ? serverProgram : clientProgram;
    const [command = process.execPath, ...args] = wrap(part);
    const node = wrap(part).length === 0 ? [] : [process.execPath];
    return children.start(command, [...args, ...node, fileURLToPath(program), JSON.stringify(say)]);
  };
  if (subject.home !== 'process') return { server: undefined, job, launch };
  const server = launch('server', job);
  await server.nextLine();
  return { server, job, launch };
}

function needsOf(task: ClientTask): ServerNeeds {
  const maxMessageBytes = task.kind === 'measure' ? roomOf(task.scenario) : undefined;
  return maxMessageBytes === undefined ? {} : { maxMessageBytes };
}
