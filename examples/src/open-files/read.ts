/** Reads a file that the server has opened. */
import { readFileSync } from 'node:fs';
import { createClient } from 'callgate';
import { Journal } from '../gen/files.js';

const [url = 'unix:journal'] = process.argv.slice(2);
const journal = createClient(Journal, url, { timeout: 5000 });
const { file, name } = await journal.open({});
if (file === undefined) throw new Error(`${name} came without its file`);
process.stdout.write(readFileSync(file.value, 'utf8'));
// It is this process's own, who closes it.
file.close();
await journal.$close();
