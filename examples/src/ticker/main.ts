// Streams that are not read to their end: an observable that can't wait for its reader (withOverflow), a reader that has
// enough (AbortSignal), bytes in metadata (`-bin`), and how a connection ended ($channel.closed).
import { createClient, createServer, RpcError, withOverflow } from 'callgate';
import { map, range } from 'rxjs';
import { Ticker } from '../gen/ticker.js';

const server = createServer();
server.add(Ticker, {
  watch({ symbol }, { metadata, headers }) {
    // Keys that end in -bin have bytes, all others text.
    const seal = metadata.get('seal-bin') as Uint8Array;
    headers.set(
      'seal-bin',
      seal.map((byte) => byte ^ 0xff),
    );
    // Prices change whether anybody reads or not: of those that nobody has read, the last four are kept.
    const prices = range(1, 1000).pipe(map((cents) => ({ symbol, cents })));
    return withOverflow(prices, { policy: 'drop-oldest', bound: 4 });
  },

  // A generator waits for its reader, and its `finally` runs when that stops.
  *follow({ symbol }) {
    try {
      for (let cents = 1; ; cents++) yield { symbol, cents };
    } finally {
      console.log('nobody follows any more');
    }
  },
});
const url = `unix:ticker-${process.pid}`;
await server.listen(url);

// Two prices may be on their way unread, and not as many as usual.
// keepAlive: the program goes on though no call is under way, so that it hears of the end.
const client = createClient(Ticker, url, { streamWindowMessages: 2, keepAlive: true });

const seen: number[] = [];
const watched = client.watch(
  { symbol: 'CLG' },
  {
    metadata: { 'seal-bin': new Uint8Array([1, 2, 3]) },
    onHeaders: (headers) => console.log(`the seal: ${headers.get('seal-bin')}`),
  },
);
for await (const { cents } of watched) seen.push(cents);
console.log(`watched: ${seen.join(', ')}`);

const enough = new AbortController();
try {
  for await (const { cents } of client.follow({ symbol: 'CLG' }, { signal: enough.signal })) {
    if (cents === 3) enough.abort(new Error('three are enough'));
  }
} catch (error) {
  if (!RpcError.is(error)) throw error;
  console.log(error.code, error.message);
}

const closed = client.$channel.closed;
await server.close({ epitaph: 'the exchange is closed' });
const { by, orderly, error } = await closed;
console.log(`closed by ${by}, orderly: ${orderly}: ${error.message}`);
await client.$close();
