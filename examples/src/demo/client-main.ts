/** The client of the demo for one URL: asks, compares, measures, and prints reports. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { jobOf, localCertificate, timeAsync, timeSync } from '@callgate/bench';
import { createClient, createSyncClient } from 'callgate';
import { type PipedChild, spawnWithPipes } from 'callgate/pipe';
import { Geo } from '../gen/geo.js';
import { openAtlas } from './atlas.js';
import { createConversation } from './conversation.js';
import { ask, askAsync, digest, questionsAbout } from './questions.js';
import { print } from './report.js';
import type { ServerJob } from './server-main.js';
import { createGeoService } from './service.js';
import { tourAwaiting, tourBlocking } from './streaming.js';
import { createTour } from './tour.js';
import { pointNemo, sayCitiesIn, sayCitiesOf, sayJourney, sayNearest, sayStatistics } from './words.js';

export interface ClientJob {
  readonly url: string;
  /** Whether the server is to be a thread of this process, as `inproc:` asks for, or a child of it, as `pipe:` does. */
  readonly startServer: boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const { url, startServer, seconds, warmUpSeconds } = jobOf<ClientJob>();
const serverProgram = new URL('server-main.js', import.meta.url);
const piped = url.startsWith('pipe:');
const worker =
  startServer && !piped ? new Worker(serverProgram, { workerData: { url } satisfies ServerJob }) : undefined;
const ready = worker && once(worker, 'message');
const atlas = openAtlas();
await ready;

const started: PipedChild[] = [];
/** Where to call. A pipe is one link for life, so each client over pipes starts a server for itself. */
async function meet(): Promise<string> {
  if (!piped) return url;
  const job: ServerJob = { url: 'pipe:inherited' };
  // The child's standard input is its lifeline.
  const child = await spawnWithPipes(process.execPath, [fileURLToPath(serverProgram), JSON.stringify(job)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  started.push(child);
  return child.url;
}

const questions = questionsAbout(atlas);
const conversation = createConversation(atlas);
const tour = createTour(atlas);
/** Three methods stream in each mode, where one call is measured. */
const tourSeconds = seconds / 4;
const expected = questions.map((question) => ask(createGeoService(atlas), question));
print({ kind: 'bytes', requestBytes: conversation.requestBytes, replyBytes: conversation.replyBytes });

function compare(mode: string, answers: readonly string[]): void {
  const wrong = answers.flatMap((answer, i) => (answer === expected[i] ? [] : [{ ...questions[i], answer }]));
  const differences = wrong.slice(0, 3).map((difference) => JSON.stringify(difference));
  print({ kind: 'answers', mode, questions: questions.length, digest: digest(answers), differences });
}

/** Two slots of 500 bytes carry one message at a time: a thousand calls at once would wait for each other for too long. */
const slots = url.startsWith('shm+simple:');
const transport = url.startsWith('tls:') ? localCertificate : {};

const blocking = createSyncClient(Geo, await meet(), { transport });
// Into 500 bytes go a few of them only.
const limit = slots ? 5 : 1000;
const springfields = blocking.lookUp({ name: 'Springfield', limit });
const neighbours = blocking.nearest({ point: pointNemo, count: 3 });
const norway = blocking.statistics({ country: 'NO' });
const nemo = 'Point Nemo, the spot of the oceans farthest from land';
const sentences = [sayCitiesOf('Springfield', springfields), sayNearest(nemo, neighbours), sayStatistics('NO', norway)];
print({ kind: 'samples', sentences });
compare(
  'sync',
  questions.map((question) => ask(blocking, question)),
);
timeSync(warmUpSeconds, conversation, (request) => blocking.lookUp(request));
print({ kind: 'timing', mode: 'sync', ...timeSync(seconds, conversation, (request) => blocking.lookUp(request)) });
const souvenirs = await tourBlocking(blocking, tour, tourSeconds);
blocking.$close();
if (souvenirs) {
  const { cities, length, nearest } = souvenirs;
  const told = [
    sayCitiesIn('A box around the Alps', cities.slice(0, tour.first)),
    sayJourney(tour.stops, length, nearest),
  ];
  print({ kind: 'samples', sentences: told });
}

const awaiting = createClient(Geo, await meet(), { transport });
const together = slots ? 8 : questions.length;
const answers: string[] = [];
for (let i = 0; i < questions.length; i += together) {
  const some = questions.slice(i, i + together);
  answers.push(...(await Promise.all(some.map((question) => askAsync(awaiting, question)))));
}
compare('async', answers);
for (const [mode, inFlight] of [
  ['async', 1],
  ['async, 64 in flight', 64],
] as const) {
  await timeAsync(warmUpSeconds, inFlight, conversation, (request) => awaiting.lookUp(request));
  const timing = await timeAsync(seconds, inFlight, conversation, (request) => awaiting.lookUp(request));
  print({ kind: 'timing', mode, ...timing });
}
await tourAwaiting(awaiting, tour, tourSeconds);
await awaiting.$close();
await worker?.terminate();
for (const child of started) child.process.stdin?.end();
