// Serves Echo: hands a call on to the next one in the chain, awaiting or blocking, and says what time it had left for it,
// or hangs when it is the last one. Own URL; `async` or `sync`, or `late` for a client that is made by the handler; the next
// one's URL.
import { createClient, createServer, createSyncClient, type RpcError } from '../index.js';
import { Echo } from './echo.js';

const [url, mode, next] = process.argv.slice(2) as [string, string, string?];
let client =
  next === undefined || mode === 'late'
    ? undefined
    : mode === 'sync'
      ? createSyncClient(Echo, next, { timeout: '1h' })
      : createClient(Echo, next, { timeout: '1h' });

const server = createServer();
server.add(Echo, {
  async shout({ text }, { deadline, signal }) {
    // Before its first `await`.
    if (mode === 'late' && next !== undefined) client ??= createClient(Echo, next, { timeout: '1h' });
    const left = deadline - performance.now();
    // Inherited also by what is called later on.
    await new Promise((resolve) => setImmediate(resolve));
    signal.addEventListener('abort', () => console.error(`stopped ${(signal.reason as RpcError).code}`));
    if (client !== undefined) {
      const reply = await client.shout({ text });
      return { text: `${left} ${reply.text}` };
    }
    if (text === 'hang') {
      console.error('hangs');
      await new Promise(() => undefined);
    }
    return { text: `${left}` };
  },
});
await server.listen(url);
console.error('ready');
