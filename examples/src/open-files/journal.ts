/** Keeps a log, and hands it to its clients, open for reading. They need not be allowed to open it, nor know where it is. */
import { appendFileSync, openSync, writeFileSync } from 'node:fs';
import { createServer, handleOf } from 'callgate';
import { Journal } from '../gen/files.js';

const [url = 'unix:journal', path = 'journal.log'] = process.argv.slice(2);
writeFileSync(path, 'The journal is open.\n', { mode: 0o600 });

const server = createServer();
server.add(Journal, {
  open(_, { peer }) {
    appendFileSync(path, `Process ${peer.credentials?.pid} looked at it.\n`);
    // The client's from here on: the server need not close it.
    return { file: handleOf(openSync(path, 'r')), name: 'the journal' };
  },
});
await server.listen(url);
console.log('The journal is open.');

process.once('SIGTERM', () => server.close());
