import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBare } from './bare.js';
import type { Child, Children } from './children.js';
import type { ClientJob, ClientTask, Measurement } from './client-main.js';
import { replyBytes, requestBytes } from './message.js';
import type { Scenario } from './scenario.js';
import type { ServerJob } from './server-main.js';
import type { NodeSubject, Subject } from './subject.js';

const serverProgram = new URL('server-main.js', import.meta.url);
const clientProgram = new URL('client-main.js', import.meta.url);

export interface CellOptions {
  readonly scenario: Scenario;
  readonly subject: Subject;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The command line of another program under which to run all processes, such as taskset. @default none */
  readonly wrap?: readonly string[];
}

/** Measures one subject in one scenario, once, in processes started for it. */
export async function runCell(children: Children, options: CellOptions): Promise<Measurement> {
  const { scenario, subject, seconds, warmUpSeconds, wrap = [] } = options;
  if (subject.kind === 'bare') {
    const { mechanism } = subject;
    return runBare(children, { mechanism, requestBytes, replyBytes, seconds, warmUpSeconds }, wrap);
  }
  const pair = await startPair(children, subject, { kind: 'measure', scenario, seconds, warmUpSeconds }, () => wrap);
  const line = await pair.client.nextLine();
  await pair.stop();
  return JSON.parse(line) as Measurement;
}

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
  const dir = mkdtempSync(join(children.dir, `${subject.name.replaceAll(/\W/g, '-')}-`));
  const begin = (part: 'server' | 'client', job: ServerJob | ClientJob) => {
    const program = part === 'server' ? serverProgram : clientProgram;
    const [command = process.execPath, ...args] = wrap(part);
    const node = wrap(part).length === 0 ? [] : [process.execPath];
    return children.start(command, [...args, ...node, fileURLToPath(program), JSON.stringify(job)]);
  };
  let server: Child | undefined;
  if (subject.home === 'process') {
    server = begin('server', { subject: subject.name, dir });
    await server.nextLine();
  }
  const client = begin('client', { subject: subject.name, dir, ...(server && { serverPid: server.pid }), task });
  return {
    client,
    server,
    async stop() {
      await client.stop();
      await server?.stop();
    },
  };
}
