/** The client program of a cell: connects, does one task, prints one line of JSON, ends. */
import { jobOf, onLifelineEnd } from './children.js';
import { type Companion, meet } from './companion.js';
import { bulkGreetings, checkWholly, type GreetReply, type GreetRequest, greetings } from './message.js';
import {
  BULK_BYTES,
  inFlightOf,
  loans,
  type Scenario,
  streamOf,
  type Timing,
  timeAsync,
  timeStreams,
  timeSync,
} from './scenario.js';
import type { AsyncClient, NodeSubject, SyncClient } from './subject.js';
import { subjectNamed } from './subjects/index.js';
import { ticksPerSecond, usageOfAll } from './usage.js';

export type ClientTask =
  /** Calls for `warmUpSeconds`, then for `seconds`, and prints a Measurement. */
  | { readonly kind: 'measure'; readonly scenario: Scenario; readonly seconds: number; readonly warmUpSeconds: number }
  /** Makes a few calls, prints the pids of both sides, and stays connected, idle, until its lifeline ends. */
  | { readonly kind: 'idle'; readonly mode: 'sync' | 'async' }
  /** Makes `warmUpCalls` blocking calls, prints `warm`, and makes `calls` more on SIGUSR2; prints their number. */
  | { readonly kind: 'count'; readonly warmUpCalls: number; readonly calls: number };

export interface ClientJob {
  readonly subject: string;
  readonly dir: string;
  readonly serverPid?: number;
  readonly task: ClientTask;
}

/** What one cell measured in one round. */
export interface Measurement extends Timing {
  /** utime + stime of client and server, per call. */
  readonly cpuUsPerCall: number;
  /** Of client and server, at the end; pages that they share count twice. */
  readonly rssMiB: number;
}

const { subject: name, dir, serverPid, task } = jobOf<ClientJob>();
const subject = subjectNamed(name) as NodeSubject;
const companion = await meet(subject, dir, serverPid);
const sync = task.kind === 'count' || (task.kind === 'idle' ? task.mode === 'sync' : task.scenario === 'unary-sync');
if (sync) {
  const client = subject.connectSync?.(companion.meeting);
  if (!client) throw new Error(`${name} cannot block for a call`);
  await runSync(client, companion);
} else {
  const client = await subject.connect?.(companion.meeting);
  if (!client) throw new Error(`${name} cannot await a call`);
  await runAsync(client, companion);
}

async function runSync(client: SyncClient, { pids, stop }: Companion): Promise<void> {
  const call = (request: GreetRequest): GreetReply => client.greet(request);
  const end = async () => {
    client.close();
    await stop();
  };
  tryOut(call);
  if (task.kind === 'measure') {
    timeSync(task.warmUpSeconds, greetings, call);
    const before = usageOfAll(pids).cpuTicks;
    const timing = timeSync(task.seconds, greetings, call);
    report(timing, pids, before);
  } else if (task.kind === 'count') {
    const started = new Promise((resolve) => process.on('SIGUSR2', resolve));
    const alive = setInterval(() => undefined, 60_000); // a listener for signals keeps nobody alive
    makeCalls(task.warmUpCalls, call);
    console.log('warm');
    await started;
    clearInterval(alive);
    makeCalls(task.calls, call);
    console.log(task.calls);
  } else {
    for (let i = 0; i < 100; i++) tryOut(call);
    return stayIdle(pids, end);
  }
  await end();
}

function makeCalls(count: number, call: (request: GreetRequest) => GreetReply): void {
  for (let i = 0; i < count; i++) {
    const request = greetings.request();
    greetings.check(request, call(request));
  }
}

async function runAsync(client: AsyncClient, { pids, stop }: Companion): Promise<void> {
  const call = (request: GreetRequest): Promise<GreetReply> => client.greet(request);
  const end = async () => {
    await client.close();
    await stop();
  };
  await tryOutAsync(call);
  if (task.kind === 'measure') {
    const measure = measuring(client, task.scenario, call);
    if (task.scenario === 'in-flight-64-stalled') await client.stall?.();
    await measure(task.warmUpSeconds);
    const before = usageOfAll(pids).cpuTicks;
    report(await measure(task.seconds), pids, before);
  } else {
    for (let i = 0; i < 100; i++) await tryOutAsync(call);
    return stayIdle(pids, end);
  }
  await end();
}

/** Measures for so many seconds what a scenario asks. */
function measuring(
  client: AsyncClient,
  scenario: Scenario,
  call: (request: GreetRequest) => Promise<GreetReply>,
): (seconds: number) => Promise<Timing> {
  if (scenario === 'bulk-1m') {
    const bulk = bulkGreetings(BULK_BYTES);
    return (seconds) => timeAsync(seconds, 1, bulk, call);
  }
  const { lend } = client;
  if (scenario === 'loan-64m' && lend !== undefined) return (seconds) => timeAsync(seconds, 1, loans, lend);
  const stream = streamOf(scenario);
  if (stream === undefined) return (seconds) => timeAsync(seconds, inFlightOf(scenario), greetings, call);
  const { chunks, bytes } = stream;
  return (seconds) => timeStreams(seconds, chunks, async () => (await client.stream?.(chunks, bytes)) ?? 0);
}

/** A fast wrong answer is worth nothing: the first reply is compared to the last byte. */
function tryOut(call: (request: GreetRequest) => GreetReply): void {
  const request = greetings.request();
  checkWholly(request, call(request));
}

async function tryOutAsync(call: (request: GreetRequest) => Promise<GreetReply>): Promise<void> {
  const request = greetings.request();
  checkWholly(request, await call(request));
}

function report(timing: Timing, pids: readonly number[], ticksBefore: number): void {
  const { cpuTicks, rssMiB } = usageOfAll(pids);
  const cpuUsPerCall = (((cpuTicks - ticksBefore) / ticksPerSecond) * 1e6) / timing.calls;
  console.log(JSON.stringify({ ...timing, cpuUsPerCall, rssMiB } satisfies Measurement));
}

function stayIdle(pids: readonly number[], end: () => Promise<void>): void {
  onLifelineEnd(end);
  console.log(JSON.stringify(pids));
}
