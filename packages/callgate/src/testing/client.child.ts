// Calls Echo where the configuration says, once awaiting and once blocking.
import { createClient, createSyncClient } from '../index.js';
import { Echo } from './echo.js';

const client = createClient(Echo);
const { text } = await client.shout({ text: 'hello' });
await client.$close();

const blocking = createSyncClient(Echo);
const again = blocking.shout({ text });
blocking.$close();
console.log(`${text} ${again.text}`);
