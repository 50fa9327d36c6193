import { createRecorder, type Recorder } from './recorder.js';
import type { Subject } from './subject.js';

export const scenarios = [
  'unary-sync',
  'unary-async',
  'in-flight-64',
  'in-flight-64-stalled',
  'stream-64b',
  'stream-64k',
  'bulk-1m',
  'loan-64m',
] as const;
export type Scenario = (typeof scenarios)[number];

/** What one run measured. */
export interface Timing {
  readonly calls: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

/** Calls in flight at once in a scenario. */
export function inFlightOf(scenario: Scenario): number {
  return scenario.startsWith('in-flight-64') ? 64 : 1;
}

/** A stream that a scenario reads again and again: about as long as a measurement must be to be one. */
export function streamOf(scenario: Scenario): { readonly chunks: number; readonly bytes: number } | undefined {
  if (scenario === 'stream-64b') return { chunks: 20_000, bytes: 64 };
  return scenario === 'stream-64k' ? { chunks: 200, bytes: 65_536 } : undefined;
}

/** Bytes that a call takes there and back in the scenario of large calls, and there in that of loans. */
export const BULK_BYTES = 2 ** 20;
const LOAN_BYTES = 2 ** 26;

/** Whether a subject can do what a scenario asks. */
export function canRun(subject: Subject, scenario: Scenario): boolean {
  if (subject.kind === 'bare') return scenario === (subject.scenario ?? 'unary-sync');
  if (scenario === 'bulk-1m') return subject.bulk === true;
  if (scenario === 'loan-64m') return subject.lends === true;
  if (scenario === 'in-flight-64-stalled') return subject.stalls === true;
  if (streamOf(scenario) !== undefined) return subject.streams === true;
  return scenario === 'unary-sync' ? subject.connectSync !== undefined : subject.connect !== undefined;
}

/** What is said in a measurement. */
export interface Dialogue<Request, Reply> {
  /** A fresh request for the next call. */
  request(): Request;
  /** Throws when a reply is not the request's. Runs for each call, so it is to be quick. */
  check(request: Request, reply: Reply): void;
}

/** What is said where memory is lent: how much, and how much the server saw. */
export const loans: Dialogue<number, number> = {
  request: () => LOAN_BYTES,
  check(lent, seen) {
    if (lent !== seen) throw new Error(`${lent} bytes were lent, and ${seen} seen`);
  },
};

/** Calls one after the other, each blocking, for a time. Each call is timed alone, by the clock before and after it. */
export function timeSync<Request, Reply>(
  seconds: number,
  dialogue: Dialogue<Request, Reply>,
  call: (request: Request) => Reply,
): Timing {
  const recorder = createRecorder();
  const begun = performance.now();
  const until = begun + seconds * 1000;
  let ended = begun;
  while (ended < until) {
    const request = dialogue.request();
    const start = performance.now();
    const reply = call(request);
    ended = performance.now();
    recorder.record(ended - start);
    dialogue.check(request, reply);
  }
  return summary(recorder, ended - begun);
}

/**
 * Calls for a time with `inFlight` of them always under way. A place in flight begins its next call the moment that its
 * last one is over, so one reading of the clock ends the one and begins the other.
 */
export async function timeAsync<Request, Reply>(
  seconds: number,
  inFlight: number,
  dialogue: Dialogue<Request, Reply>,
  call: (request: Request) => Promise<Reply>,
): Promise<Timing> {
  const recorder = createRecorder();
  const begun = performance.now();
  const until = begun + seconds * 1000;
  let last = begun;
  async function place(): Promise<void> {
    let start = begun;
    while (start < until) {
      const request = dialogue.request();
      const reply = await call(request);
      last = performance.now();
      recorder.record(last - start);
      start = last;
      dialogue.check(request, reply);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, place));
  return summary(recorder, last - begun);
}

/** Reads streams of so many messages, one after the other, for a time. What is timed is a stream, divided by its messages. */
export async function timeStreams(seconds: number, chunks: number, read: () => Promise<number>): Promise<Timing> {
  const recorder = createRecorder();
  const begun = performance.now();
  let last = begun;
  let streams = 0;
  while (last - begun < seconds * 1000) {
    const start = last;
    const got = await read();
    if (got !== chunks) throw new Error(`a stream had ${got} messages, not ${chunks}`);
    last = performance.now();
    recorder.record((last - start) / chunks);
    streams++;
  }
  const calls = streams * chunks;
  return { ...summary(recorder, last - begun), calls, perSecond: calls / ((last - begun) / 1000) };
}

function summary(recorder: Recorder, elapsedMs: number): Timing {
  const { count, p50Us, p99Us } = recorder.percentiles();
  return { calls: count, p50Us, p99Us, perSecond: count / (elapsedMs / 1000) };
}
