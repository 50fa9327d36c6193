// Opens a stream of 10 GiB with Lines at the address given, of which it reads nothing more than that it has begun; says in
// a line of JSON what went over, and by how much either process grew. Second argument: what reads nothing, and of what.
import { setTimeout } from 'node:timers/promises';
import { createClient, type RpcError } from '../../index.js';
import { Lines } from './lines.js';

const LETTERS = 65_536;
const COUNT = (10 * 2 ** 30) / LETTERS;

const [url = '', what = ''] = process.argv.slice(2);
const client = createClient(Lines, url);
let asked = 0;

function* requests(count: number): Generator<{ text: string }> {
  const text = 'x'.repeat(LETTERS);
  for (asked = 0; asked < count; asked++) yield { text };
}
function* held(): Generator<{ text: string }> {
  yield { text: 'hold' };
  yield* requests(COUNT);
}
const numberTold = async (about: string) => Number((await client.told({ text: about })).text);
const grown = async () => [process.memoryUsage.rss(), await numberTold('rss')] as const;

// What is made once and kept is no part of the measurement.
for await (const _ of client.count({ text: `2000 of ${LETTERS}` }));
await client.gather(requests(2000));

const before = await grown();
let outcome = 'open';
const failed = (error: unknown): void => {
  outcome = (error as RpcError).reason;
};
if (what === 'handler') client.gather(held()).catch(failed);
else {
  const policy = what === 'generator' ? '' : ` ${what}`;
  const replies = client.count({ text: `${COUNT} of ${LETTERS}${policy}` })[Symbol.asyncIterator]();
  await replies.next();
}
// Nothing more is asked for from one look to the next: the writer rests.
const offered = async () => (what === 'handler' ? asked : await numberTold('given'));
let last = -1;
for (let now = await offered(); now !== last; now = await offered()) {
  last = now;
  await setTimeout(50);
}
const after = await grown();
const grownMiB = after.map((bytes, i) => (bytes - (before[i] ?? 0)) / 2 ** 20);
console.log(JSON.stringify({ offered: last, of: COUNT, outcome, grownMiB }));
await client.$close();
