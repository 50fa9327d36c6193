/** The demo's program: `npm run demo -- --help`. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Children, createChildren, measureNotify, type NotifyRow, styled } from '@callgate/bench';
import { readOptions } from './options.js';
import { notifiedTable, tableOf } from './show.js';
import { streamsTable } from './show-streams.js';
import { comparable, type Row, runBareRows, runCallgate, runGrpc, type Stage, type StreamRow } from './stages.js';

const { url, seconds, json } = readOptions(process.argv);
const lengths = { seconds, warmUpSeconds: Math.min(0.2, seconds) };
const say = (line: string) => process.stderr.write(`${styled('dim', line)}\n`);
const tell = (line: string) => void (json || console.log(line));

const children = createChildren('callgate-demo');
process.stdout.on('error', () => void children.close().then(() => process.exit(1))); // who read us has left
try {
  await run(children);
} catch (error) {
  if (!children.ending) process.stderr.write(`demo: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await children.close();
}

async function run(all: Children): Promise<void> {
  const socket = join(all.dir, 'geo');
  const urls =
    url === undefined
      ? [
          'inproc:geo',
          `shm:${socket}-shm.sock`,
          `shm+posix:demo-${process.pid}`,
          `shm+sysv:demo-${process.pid}`,
          `unix:${socket}-unix.sock`,
          await freeUrl('tcp'),
          await freeUrl('tls'),
          await freeUrl('udp'),
          'pipe:child',
          `fifo:${socket}.fifo`,
          `shm+simple:${socket}-simple.sock`,
          `mq:${socket}.mq`,
        ]
      : [url];
  const stages: Stage[] = [];
  for (const one of urls) {
    say(`${one}: starting a server and a client, asking, measuring …`);
    const stage = await runCallgate(all, one, lengths);
    if (stages.length === 0) {
      tell('');
      for (const sentence of stage.sentences) tell(sentence);
      tell('');
    }
    stages.push(stage);
  }
  say('the bare mechanisms, in C: measuring …');
  const compared = comparable(urls.map((one) => one.slice(0, one.indexOf(':'))));
  if (compared.length === 0) say('left out: there is none to compare with, or no C compiler (cc)');
  const bare = await runBareRows(all, compared, stages[0]!.bytes, lengths);
  say('gRPC-js over a Unix socket: starting a server and a client, asking, measuring …');
  stages.push(await runGrpc(all, lengths));
  if (url === undefined) say('signal: starting a receiver and a sender, counting …');
  const notified = url === undefined ? await measureNotify(all, lengths) : [];

  const rows = stages.flatMap((stage) => [...stage.rows, ...bare.filter(({ beside }) => beside === stage.transport)]);
  const streams = stages.flatMap((stage) => stage.streams);
  const agree = report(stages, streams);
  if (json)
    console.log(JSON.stringify({ sentences: stages[0]!.sentences, ...agree, rows, streams, notified }, null, 2));
  else show(agree, rows, stages[0]!.bytes, streams, notified);
  if (!agree.agree) process.exitCode = 1;
}

/** At a port that was free just now. */
async function freeUrl(scheme: string): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${scheme}:127.0.0.1:${port}`;
}

interface Agreement {
  /** Every client, in every mode, got the answers that the index itself gives. */
  readonly agree: boolean;
  readonly questions: number;
  /** Messages of streams. */
  readonly streamed: number;
  readonly differences: readonly string[];
}

function report(stages: readonly Stage[], streams: readonly StreamRow[]): Agreement {
  const answers = stages.flatMap((stage) => stage.answers);
  const differences = [...answers, ...streams].flatMap((one) => one.differences);
  const agree = differences.length === 0 && new Set(answers.map(({ digest }) => digest)).size === 1;
  const asked = answers.reduce((sum, { questions }) => sum + questions, 0);
  return { agree, questions: asked, streamed: streams.reduce((sum, { items }) => sum + items, 0), differences };
}

function show(
  { agree, questions, streamed, differences }: Agreement,
  rows: readonly Row[],
  bytes: Stage['bytes'],
  streams: readonly StreamRow[],
  notified: readonly NotifyRow[],
): void {
  console.log('');
  const said = `${questions.toLocaleString('en-US')} questions and ${streamed.toLocaleString('en-US')} messages of streams`;
  const asked = `${said} over all of them, sync and async`;
  if (agree) console.log(`${styled('green', '✓')} ${asked}: every answer is the same, and right.\n`);
  else console.log(`${styled('red', '✗')} ${asked}: answers differ!\n${differences.join('\n')}\n`);
  const { requestBytes, replyBytes } = bytes;
  console.log(`Looking up one city by name (${requestBytes} bytes there, ${replyBytes} bytes back):`);
  console.log(tableOf(rows));
  console.log(
    '\nStreaming: the cities in a box to the client, the points of a route to the server, and, both ways,\n' +
      'points as somebody moves along it, each answered by the city nearest to it (messages per second):',
  );
  console.log(streamsTable(streams));
  if (notified.length === 0) return;
  console.log('\nNotifying over signals, with a number and without an answer (all came, in order):');
  console.log(notifiedTable(notified));
}
