// Serves Lines at the address given, until its standard input ends.
import { createServer } from '../../index.js';
import { Lines, lineHandlers } from './lines.js';

const [url = ''] = process.argv.slice(2);
const server = createServer();
server.add(Lines, lineHandlers());
const [at] = await server.listen(url);
console.error(at);
if (url !== 'pipe:inherited') process.stdin.resume().once('end', () => void server.close());
