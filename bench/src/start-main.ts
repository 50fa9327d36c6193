/**
 * The client program of the scenarios `start-up` and `cold`: loads one subject, connects, calls once, says so, ends. It
 * loads nothing else. Without a job it is the empty program that it is compared to.
 */
import type { NodeSubject } from './subject.js';
import { loadSubject } from './subjects/module.js';

const job = JSON.parse(process.argv[2] ?? 'null') as StartJob | null;

export interface StartJob {
  readonly subject: string;
  readonly module: string;
  readonly dir: string;
}

/** What it prints. */
export interface Started {
  /** From before connecting to the first reply. */
  readonly coldUs: number;
  /** Of this process since its start. */
  readonly cpuUs: number;
  readonly rssMiB: number;
}

function usage() {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
}

if (job === null) {
  console.log(JSON.stringify({ coldUs: 0, ...usage() } satisfies Started));
} else {
  const { subject: name, module, dir } = job;
  const subject = (await loadSubject(module, name)) as NodeSubject;
  const request = { name: 'Ada Lovelace', id: 65_536, data: new Uint8Array(40) };
  const begun = performance.now();
  const client = await subject.connect!({ dir });
  const reply = await client.greet(request);
  const coldUs = (performance.now() - begun) * 1000;
  if (reply.greeting !== 'Hello, Ada Lovelace' || reply.id !== request.id) throw new Error('wrong reply');
  console.log(JSON.stringify({ coldUs, ...usage() } satisfies Started));
  await client.close();
  process.exit(0);
}
