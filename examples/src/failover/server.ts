// One of several servers: `node server.js unix:oracle-1`. Stop it with Ctrl-C, or with kill -9.
import { createServer } from 'callgate';
import { Oracle } from '../gen/oracle.js';

const [url = 'unix:oracle-1'] = process.argv.slice(2);
const server = createServer();
server.add(Oracle, {
  ask: ({ words }) => ({ words: `${words} ${url} says yes.` }),
});
await server.listen(url);
console.log(`Listening at ${url}`);

process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
