// Sends one note to the URL, blocking, and says when it has been taken: `<url> <text>`.
import { createSyncClient } from '../index.js';
import { Notes } from './notes.js';

const [url, text] = process.argv.slice(2) as [string, string];
const client = createSyncClient(Notes, url, { direction: 'send' });
client.note({ text });
console.log(`${text} was taken`);
client.$close();
