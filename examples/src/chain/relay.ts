// Greets, or has the next one in the chain greet. Says what time its caller left it, which is what the next one gets.
// Arguments: the own URL, the next one's if any, and `blocking` to block while the next one works.
import { createClient, createServer, createSyncClient } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const [url = 'unix:relay', next, how] = process.argv.slice(2);

// An hour of its own makes no difference: the call that it is made for has less.
const client =
  next === undefined
    ? undefined
    : how === 'blocking'
      ? createSyncClient(Greeter, next, { timeout: '1h' })
      : createClient(Greeter, next, { timeout: '1h' });

const server = createServer();
server.add(Greeter, {
  async greet(request, { deadline, signal }) {
    console.log(`${Math.round(deadline - performance.now())} ms left`);
    if (client !== undefined) return client.greet(request);
    if (request.name !== 'nobody') return { greeting: `Hello, ${request.name}!` };
    // Never answers; the signal says when nobody waits any more.
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    console.log(`given up: ${(signal.reason as Error).message}`);
    throw signal.reason;
  },
});
console.log(`at ${(await server.listen(url)).join()}`);
