/**
 * `serve URL FOLDER`: a server that is killed at some time. `call URL FOLDER`: a client that blocks, and says what it
 * got. `hold URL FOLDER`: one that never gets its answer.
 */
import { createServer, createSyncClient } from '../../index.js';
import { openFile, readAll } from './files.js';
import { Vault } from './vault.js';

const [task, url, folder] = process.argv.slice(2) as [string, string, string];

function* parcels(...names: string[]) {
  for (const name of names) yield { file: openFile(folder, name) };
}

if (task === 'serve') {
  const server = createServer();
  server.add(Vault, {
    swap: () => new Promise(() => setInterval(() => undefined, 1000)),
    async *hand() {
      yield* parcels('first', 'second');
      await new Promise(() => undefined);
    },
    collect: () => ({}),
    forward: (requests) => requests,
  });
  await server.listen(url);
  console.log('serving');
} else {
  const client = createSyncClient(Vault, url, { timeout: 15_000 });
  if (task === 'hold') client.swap({ text: 'hold', file: openFile(folder, 'held') });
  const request = { text: 'swap', file: openFile(folder, 'from afar'), files: [openFile(folder, 'and more')] };
  const { text, file } = client.swap(request);
  console.log(text, request.file.value, readAll([file]));
  for (const parcel of client.hand({ text: 'three' })) console.log(readAll([parcel.file]));
  for (const parcel of client.hand({ text: 'three' })) {
    console.log('only', readAll([parcel.file]));
    break;
  }
  console.log(client.collect(parcels('x', 'y')).text);
  for (const parcel of client.forward(parcels('there'))) console.log('and back:', readAll([parcel.file]));
  client.$close();
}
