/** A client that blocks: sends an open file with its call, and prints the reply and what is in the file that comes back. */
import { openSync, readFileSync } from 'node:fs';
import { createSyncClient, type Handle, handleOf } from '../index.js';
import { Echo } from './echo.js';

const [url, path] = process.argv.slice(2) as [string, string];
const client = createSyncClient(Echo, url, { timeout: 10_000 });
const handle = handleOf(openSync(path, 'r'));
const handlesInto: Handle[] = [];
const { text } = client.shout({ text: 'read it' }, { handles: [handle], handlesInto });
console.log(text, handle.value, ...handlesInto.map(({ value }) => readFileSync(value, 'utf8')));
client.$close();
