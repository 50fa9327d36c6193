// Serves Echo where the configuration says, until its standard input ends.
import { createServer, RpcError } from '../index.js';
import { Echo } from './echo.js';

try {
  const server = createServer();
  server.add(Echo, { shout: ({ text }) => ({ text: text.toUpperCase() }) });
  console.log(`listening at ${(await server.listen()).join(' ')}`);
  process.stdin.resume().once('end', () => void server.close());
} catch (error) {
  console.log(error instanceof RpcError ? error.message : error);
}
