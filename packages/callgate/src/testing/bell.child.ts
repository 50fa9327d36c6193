// Serves the Bell at the address of its first argument, and prints a line of JSON for each call; a line of its input is
// a command, answered by itself. Closes with its input.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type CallContext, createServer } from '../index.js';
import { Bell } from './bell.js';

const say = (what: unknown): void => void writeSync(1, `${JSON.stringify(what)}\n`);
const heard =
  (method: string) =>
  (request: object, { peer, path }: CallContext) =>
    say({ method, ...request, from: peer.credentials, path });

const server = createServer({ onError: ({ message }) => say({ error: message }) });
server.add(Bell, { ring: heard('ring'), visit: heard('visit'), chill: heard('chill') } as never);
say({ urls: await server.listen(process.argv[2], JSON.parse(process.argv[3] ?? '{}')) });
for await (const command of createInterface({ input: process.stdin })) {
  if (command === 'hold') server.hold();
  if (command === 'release') server.release();
  say({ did: command });
}
await server.close();
say('closed');
