// Serves Echo, whose text is a plan: a list of hops, of which it makes the first and hands the rest on. A hop is
// `["sync", url]`, `["async", url]`, `["offer", url]` (a client there that offers a Callback) or `["callback"]`.
import { createClient, createServer, createSyncClient, offer, type PeerChannel, RpcError } from '../index.js';
import { Callback } from './callback.js';
import { Echo, type Text } from './echo.js';

type Hop = readonly [how: 'sync' | 'async' | 'offer' | 'callback', url?: string | string[]];

const [own] = process.argv.slice(2) as [string];
const clients = new Map<string, { shout(request: Text): Text | Promise<Text> }>();
let visitor: PeerChannel | undefined;

const make = (how: string, url: string | string[]) => {
  if (how === 'sync') return createSyncClient(Echo, url);
  const offers = how === 'offer' ? [offer(Callback, { shout: (request) => request })] : [];
  return createClient(Echo, url, { offers, ...(how === 'offer' && { keepAlive: true }) });
};
const clientOf = (how: string, url: string | string[]) => {
  const key = `${how} ${url}`;
  const known = clients.get(key) ?? make(how, url);
  clients.set(key, known);
  return known;
};

// A thread that has a client before it serves knows from the first call on for whom it calls.
createClient(Echo, own);

const server = createServer();
server.add(Echo, {
  async shout({ text }, context) {
    if (text === 'remember') visitor = context.channel;
    if (!text.startsWith('[')) return { text };
    const [[how, url] = ['end'], ...rest] = JSON.parse(text) as [Hop, ...Hop[]];
    if (how === 'end') return { text: 'end' };
    // What is known of the call must be known after this, too.
    await new Promise((resolve) => setImmediate(resolve));
    if (how === 'callback') return visitor!.client(Callback).shout({ text: 'called back' });
    return clientOf(how, url!).shout({ text: how === 'offer' ? 'remember' : JSON.stringify(rest) });
  },
});
await server.listen(own);
// A place of each process's own, though it has the same name in all of them.
await server.listen('inproc:desk');
console.error('ready');
process.on('uncaughtException', (error) => {
  console.error(RpcError.is(error) ? error.message : error);
  process.exit(1);
});
