// Calls Lines at the address given, blocking, in every way; says in a line of JSON what came of it.
import { createSyncClient, type RpcError } from '../../index.js';
import { Lines } from './lines.js';

const [url = ''] = process.argv.slice(2);
const client = createSyncClient(Lines, url);

function* lines(count: number, line: string): Generator<{ text: string }> {
  for (let i = 0; i < count; i++) yield { text: line };
}

function codeOf(work: () => void): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return `${(error as RpcError).code} ${(error as RpcError).reason}`;
  }
}

function read(replies: Iterable<{ text: string }>): { count: number; letters: number; last: string } {
  const read = { count: 0, letters: 0, last: '' };
  for (const { text } of replies) {
    read.count++;
    read.letters += text.length;
    read.last = text;
  }
  return read;
}

const said: Record<string, unknown> = {};
said.many = read(client.count({ text: '10000' }));
said.none = read(client.count({ text: '0' }));
said.large = read(client.count({ text: '50 of 200000' }));
said.gathered = client.gather(lines(10_000, 'line')).text;
said.gatheredLarge = client.gather(lines(50, 'x'.repeat(200_000))).text;
said.nothingGathered = client.gather([]).text;
said.shouted = read(client.shout(lines(10_000, 'line')));
said.shoutedLarge = read(client.shout(lines(50, 'x'.repeat(200_000))));
const early = (function* () {
  try {
    yield { text: 'enough' };
    yield* lines(Number.POSITIVE_INFINITY, 'x');
  } finally {
    said.stoppedSource = true;
  }
})();
said.early = client.gather(early).text;
client.told({ text: '' });
const [first, ...rest] = [...client.count({ text: '3' })];
said.firstAndRest = [first?.text, rest.length];
client.told({ text: '' });
for (const { text } of client.count({ text: 'endless' })) if (text === '2') break;
said.toldOfBreak = client.told({ text: '' }).text;
const seen: string[] = [];
said.failed = codeOf(() => {
  for (const { text } of client.count({ text: '2 fail' })) seen.push(text);
});
said.seen = seen;
client.told({ text: '' });
said.late = codeOf(() => {
  for (const _ of client.count({ text: 'endless' }, { timeout: 50 }));
});
const between = client.count({ text: '20000' })[Symbol.iterator]();
between.next();
said.meanwhile = [client.told({ text: 'given' }).text !== '', [...client.count({ text: '5' })].length];
let count = 1;
while (between.next().done !== true) count++;
said.between = count;
said.source = codeOf(() => {
  client.gather(
    (function* () {
      yield { text: 'a' };
      throw new Error('out of words');
    })(),
  );
});
said.stats = client.$channel.stats;
client.$close();
console.log(JSON.stringify(said));
