// Calls shifts, blocking, until a file is there and two processes have answered; prints what came of it.
import { existsSync } from 'node:fs';
import { createSyncClient } from '../../index.js';
import { Shift } from './shift.js';
import { emptyLoad, loadSync } from './shift-load.js';

const [urls = '', settings = '', until = '', name = ''] = process.argv.slice(2);
const client = createSyncClient(Shift, urls.split(','), JSON.parse(settings) as object);
const all = emptyLoad();
let told = false;
loadSync(client, name, all, () => {
  if (!told && all.servers.size > 0) process.stdout.write('calling\n');
  told = all.servers.size > 0;
  return all.servers.size < 2 || all.entries.length < 30 || !existsSync(until);
});
client.$close();
process.stdout.write(`${JSON.stringify({ ...all, servers: [...all.servers] })}\n`);
