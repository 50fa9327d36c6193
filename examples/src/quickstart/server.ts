import { createServer } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const server = createServer();
server.add(Greeter, {
  greet: ({ name }) => ({ greeting: `Hello, ${name}!` }),
});
const [url] = await server.listen();
console.log(`Greeting at ${url}`);

process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
