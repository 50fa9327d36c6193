// Calls an Echo, offers a Callback there, and ends when nothing keeps it: the URL, and `keepAlive` or not.
import { createClient, offer } from '../index.js';
import { Callback } from './callback.js';
import { Echo } from './echo.js';

const [url, keep] = process.argv.slice(2) as [string, string?];
const client = createClient(Echo, url, {
  keepAlive: keep === 'keepAlive',
  offers: [
    offer(Callback, {
      shout: ({ text }, { signal }) => {
        if (text === 'leave') setImmediate(() => void client.$close());
        if (text !== 'hang') return { text: `${text} from ${process.pid}` };
        console.error('hanging');
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    }),
  ],
});
await client.shout({ text: 'hello' });
console.error('called');
