// Serves Echo, or calls an Echo and hangs there, until it ends in the way that it is told:
// `serve` or `call`, and the URL; who serves calls at another URL if there is one.
import { createClient, createServer } from '../index.js';
import { Echo } from './echo.js';

const [what, url, called] = process.argv.slice(2) as [string, string, string?];

const call = (at: string) => {
  const client = createClient(Echo, at);
  client.shout({ text: 'hang' }).catch(() => undefined);
  return client;
};

const ways: Record<string, () => unknown> = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: () => process.exit(0),
};

if (what === 'serve') {
  const server = createServer();
  const client = called === undefined ? undefined : call(called);
  ways.close = async () => {
    await server.close({ timeoutMs: 0, epitaph: 'moved to the café' });
    await client?.$close();
    process.exit(0);
  };
  server.add(Echo, {
    shout: ({ text }) => {
      // What was answered before is on its way by then.
      if (text === 'kill') setImmediate(ways.kill!);
      return text === 'hang' || text === 'kill' ? new Promise(() => undefined) : { text: text.toUpperCase() };
    },
  });
  await server.listen(url);
} else {
  call(url);
}
process.stdin.once('data', (told) => ways[told.toString().trim()]?.());
console.error('ready');
