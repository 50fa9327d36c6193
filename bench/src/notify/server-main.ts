/** The receiver of notifications: counts them, and prints a line of JSON when it is told that there are no more. */
import { createServer } from 'callgate';
import { jobOf, onLifelineEnd } from '../children.js';
import { Bell } from '../gen/bell.js';
import type { Received } from './notify.js';

let received = 0;
let inOrder = true;
const server = createServer();
server.add(Bell, {
  ring({ number }) {
    inOrder &&= number === received;
    received++;
  },
  done({ number }) {
    console.log(JSON.stringify({ received, sent: number, inOrder } satisfies Received));
  },
});
await server.listen(jobOf<{ url: string }>().url);
onLifelineEnd(() => server.close());
console.log('ready');
