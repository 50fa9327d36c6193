import { createServer } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const server = createServer();
server.add(Greeter, {
  greet: ({ name }) => ({ greeting: `Hello, ${name}!` }),
});
const [url] = await server.listen();
console.log(`Greeting at ${url}`);

server.drainOnSignals(['SIGINT', 'SIGTERM']);
