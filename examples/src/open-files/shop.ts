/** Takes over sockets that other processes have opened, and accepts what comes to them. */
import { createServer as createNetServer, type Server as NetServer } from 'node:net';
import { createServer, RpcError } from 'callgate';
import { Shop } from '../gen/files.js';

const [url = 'unix:shop'] = process.argv.slice(2);
const doors: NetServer[] = [];

const server = createServer();
server.add(Shop, {
  async takeOver({ listener }) {
    if (listener === undefined) throw new RpcError('INVALID_ARGUMENT', 'no door was given');
    const door = createNetServer((visitor) => visitor.end(`Welcome! Process ${process.pid} serves you.\n`));
    doors.push(door);
    // What a handler does not take is closed when it is done: `detach` takes it.
    const fd = listener.detach();
    await new Promise<void>((resolve, reject) => door.once('error', reject).listen({ fd }, resolve));
    const address = door.address();
    return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, process: process.pid };
  },
});
await server.listen(url);
console.log('The shop is open.');

process.once('SIGTERM', () => {
  for (const door of doors) door.close();
  return server.close();
});
