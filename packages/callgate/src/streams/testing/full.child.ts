// Reads a stream of Lines, blocking, and stops reading it while the link is full: the server, whose process is given, is
// stopped. Says what has become of the handler by the time of the next call.
import { readFileSync } from 'node:fs';
import { createSyncClient } from '../../index.js';
import { Lines } from './lines.js';

const [url = '', pid = ''] = process.argv.slice(2);
const client = createSyncClient(Lines, url);
const replies = client.count({ text: 'endless' })[Symbol.iterator]();
replies.next();
process.kill(Number(pid), 'SIGSTOP');
while (!/\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
// What is not begun any more, three times over, has found no room; in the end not even without a payload.
for (const letters of [2000, 200, 0]) {
  for (let refused = 0; refused < 3; ) {
    try {
      client.told({ text: 'x'.repeat(letters) }, { timeout: 5, retry: false });
    } catch (error) {
      refused = String(error).includes('it was not answered') ? 0 : refused + 1;
    }
  }
}
replies.return?.();
process.kill(Number(pid), 'SIGCONT');
console.log(client.told({ text: '' }).text.split(' ').includes('CANCELLED'));
