// Calls the ledger, blocking, until a file is there, and some times at least; prints what came of it.
import { existsSync } from 'node:fs';
import { createSyncClient, RpcError } from '../../index.js';
import { Ledger } from './ledger.js';

const [urls = '', settings = '', until = '', writer = ''] = process.argv.slice(2);
const client = createSyncClient(Ledger, urls.split(','), JSON.parse(settings) as object);
const outcome = { answered: 0, servers: [] as string[], failures: [] as string[], written: [] as string[] };
const servers = new Set<string>();
process.stdout.write('calling\n');
for (let i = 0; i < 30 || !existsSync(until); i++) {
  const entry = `${writer}${i}`;
  try {
    const { text } = writer === '' ? client.read({ text: '' }) : client.write({ text: entry });
    servers.add(text.split(' ')[0] ?? '');
    outcome.answered++;
    if (writer !== '') outcome.written.push(entry);
  } catch (error) {
    outcome.failures.push(error instanceof RpcError ? `${error.code} ${error.reason}: ${error.message}` : `${error}`);
  }
}
outcome.servers = [...servers];
client.$close();
process.stdout.write(`${JSON.stringify(outcome)}\n`);
