/** Opens a port, hands the listening socket to another process, and comes back as a visitor. */
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { loadAddon } from '@callgate/native';
import { createClient } from 'callgate';
import { Shop } from '../gen/files.js';

const [url = 'unix:shop'] = process.argv.slice(2);
const shop = createClient(Shop, url, { timeout: 5000 });
// Such as a port that only this process may open.
const listener = loadAddon().listenTcp('127.0.0.1', 0, 16);
const { port, process: other } = await shop.takeOver({ listener });
console.log(`Process ${other} has the door now; here it is ${listener.value}.`);
console.log((await text(createConnection(port, '127.0.0.1'))).trim());
await shop.$close();
