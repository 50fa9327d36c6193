// Serves Echo to whoever started this program with pipes, or calls an Echo there: `serve` or `call`, and the URL.
import { createClient, createServer, createSyncClient } from '../index.js';
import { Echo } from './echo.js';

const [what, url] = process.argv.slice(2) as [string, string];
if (what === 'serve') {
  const server = createServer();
  server.add(Echo, {
    shout: ({ text }) => {
      console.log(`shouting ${text}`);
      return { text: text.toUpperCase() };
    },
  });
  await server.listen(url);
} else if (what === 'call') {
  const client = createClient(Echo, url);
  console.error((await client.shout({ text: 'from the child' })).text);
  await client.$close();
} else {
  const client = createSyncClient(Echo, url);
  console.error(client.shout({ text: 'from the child' }).text);
  client.$close();
}
