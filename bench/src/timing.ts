import { createRecorder, type Recorder, type Recording } from './recorder.js';

/** What one run measured. */
export interface Timing extends Omit<Recording, 'count'> {
  readonly calls: number;
  readonly perSecond: number;
}

/** What is said in a measurement. */
export interface Dialogue<Request, Reply> {
  /** A fresh request for the next call. */
  request(): Request;
  /** Throws when a reply is not the request's. Runs for each call, so it is to be quick. */
  check(request: Request, reply: Reply): void;
}

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
  const { count, ...recording } = recorder.recording();
  return { ...recording, calls: count, perSecond: count / (elapsedMs / 1000) };
}
