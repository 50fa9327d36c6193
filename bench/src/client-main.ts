/** The client program of a cell: connects, does one task, prints one line of JSON, ends. */
import { once } from 'node:events';
import { jobOf, onLifelineEnd } from './children.js';
import { type Companion, meet } from './companion.js';
import { type CrowdCost, type CrowdTask, measureCrowd } from './crowd.js';
import { bulkGreetings, checkWholly, type GreetReply, type GreetRequest, greetings } from './message.js';
import { dataBytesOf, inFlightOf, isSync, loans, type Scenario, streamOf } from './scenario.js';
import type { ServerJob } from './server-main.js';
import type { AsyncClient, NodeSubject, SyncClient } from './subject.js';
import { loadSubject } from './subjects/module.js';
import { type Timing, timeAsync, timeStreams, timeSync } from './timing.js';
import { ticksPerSecond, usageOfAll } from './usage.js';

export type ClientTask =
  /**
   * Calls for `warmUpSeconds`, then for `seconds`, and prints a Measurement. One that is `told` when prints `warm` in
   * between, and goes on when it gets SIGUSR2.
   */
  | {
      readonly kind: 'measure';
      readonly scenario: Scenario;
      readonly seconds: number;
      readonly warmUpSeconds: number;
      readonly told?: boolean;
    }
  | CrowdTask
  /** Makes a few calls, prints the pids of both sides, and stays connected, idle, until its lifeline ends. */
  | { readonly kind: 'idle'; readonly mode: 'sync' | 'async' }
  /** Makes `warmUpCalls` blocking calls, prints `warm`, and makes `calls` more on SIGUSR2; prints their number. */
  | { readonly kind: 'count'; readonly warmUpCalls: number; readonly calls: number };

export interface ClientJob extends ServerJob {
  readonly serverPid?: number;
  /** What the server uses is counted by another client. @default false: it is counted with the client's */
  readonly uncounted?: boolean;
  readonly task: ClientTask;
}

/** What one cell measured in one round. */
export interface Measurement extends Timing {
  /** utime + stime of client and server, per call. */
  readonly cpuUsPerCall: number;
  /** Of client and server, at the end; pages that they share count twice. */
  readonly rssMiB: number;
  /** Where connections are counted. */
  readonly crowd?: CrowdCost;
}

const job = jobOf<ClientJob>();
const { subject: name, serverPid, task } = job;
const subject = (await loadSubject(job.module, name)) as NodeSubject;
const companion = await meet(subject, job, serverPid);
const sync =
  task.kind === 'count' ||
  (task.kind === 'idle' && task.mode === 'sync') ||
  (task.kind === 'measure' && isSync(task.scenario));
if (task.kind === 'crowd') {
  console.log(JSON.stringify((await measureCrowd(subject, companion, task)) satisfies Measurement));
  await companion.stop();
  process.exit(0);
} else if (sync) {
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
    const started = untilTold();
    makeCalls(task.warmUpCalls, call);
    console.log('warm');
    await started;
    makeCalls(task.calls, call);
    console.log(task.calls);
  } else {
    for (let i = 0; i < 100; i++) tryOut(call);
    return stayIdle(pids, end);
  }
  await end();
}

/** Resolves when SIGUSR2 comes, from now on. */
async function untilTold(): Promise<void> {
  const alive = setInterval(() => undefined, 60_000); // a listener for signals keeps nobody alive
  await once(process, 'SIGUSR2');
  clearInterval(alive);
}

function makeCalls(count: number, call: (request: GreetRequest) => GreetReply): void {
  for (let i = 0; i < count; i++) {
    const request = greetings.request();
    greetings.check(request, call(request));
  }
}

async function runAsync(client: AsyncClient, { pids: both, stop }: Companion): Promise<void> {
  const pids = job.uncounted === true ? [process.pid] : both;
  const call = (request: GreetRequest): Promise<GreetReply> => client.greet(request);
  const end = async () => {
    await client.close();
    await stop();
  };
  await tryOutAsync(call);
  if (task.kind === 'measure') {
    const measure = measuring(client, task.scenario, call);
    if (task.scenario === 'in-flight-64-stalled') await client.stall?.();
    const told = task.told === true ? untilTold() : undefined;
    await measure(task.warmUpSeconds);
    if (told !== undefined) {
      console.log('warm');
      await told;
    }
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
  const dataBytes = dataBytesOf(scenario);
  if (dataBytes !== undefined) {
    const bulk = bulkGreetings(dataBytes);
    return (seconds) => timeAsync(seconds, inFlightOf(scenario), bulk, call);
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
