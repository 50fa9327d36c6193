// Serves Echo at a URL, telling in headers and trailers what metadata came, until its standard input ends; or calls it,
// once awaiting and once blocking, and prints what came back.
import { type CallOptions, createClient, createServer, createSyncClient } from '../index.js';
import { Echo } from './echo.js';

const [role, url = ''] = process.argv.slice(2);

if (role === 'serve') {
  const server = createServer();
  server.add(Echo, {
    shout: ({ text }, context) => {
      context.headers.set('user', context.metadata.get('user') ?? 'nobody');
      if (text === 'early') context.sendHeaders();
      context.trailers.set('key-bin', context.metadata.get('key-bin') ?? new Uint8Array(0));
      return { text: text.toUpperCase() };
    },
  });
  await server.listen(url);
  console.log('listening');
  process.stdin.resume().once('end', () => void server.close());
} else {
  const heard: unknown[] = [];
  const options: CallOptions = {
    metadata: { user: 'Ørsted', 'key-bin': Uint8Array.of(0, 255) },
    onHeaders: (headers) => heard.push(headers.get('user')),
    onTrailers: (trailers) => heard.push([...(trailers.get('key-bin') ?? [])]),
  };
  if (!url.startsWith('tls:')) {
    const blocking = createSyncClient(Echo, url);
    heard.push(blocking.shout({ text: 'plain' }, options).text, blocking.shout({ text: 'early' }, options).text);
    blocking.$close();
  }
  const client = createClient(Echo, url);
  for (const text of ['plain', 'early']) heard.push((await client.shout({ text }, options)).text);
  await client.$close();
  console.log(JSON.stringify(heard));
}
