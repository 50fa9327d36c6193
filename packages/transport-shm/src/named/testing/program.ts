// The other process: `serve`, `connect` (and stays), or `both`, which says how meeting itself failed.
import { parseAddress } from '@callgate/core/transport';
import { connect, type Scheme, serveEcho, small, transports } from './stage.js';

const [role, url = '', json = '{}'] = process.argv.slice(2);
const scheme = url.slice(0, url.indexOf(':')) as Scheme;
const transport = transports[scheme];
const options = { ...small, ...JSON.parse(json) };

if (role === 'serve') {
  await transport.listen(parseAddress(url), options, (link) => void serveEcho(link));
  console.log('listening');
} else if (role === 'connect') {
  const link = await connect(transport, url, options);
  console.log('connected');
  await link.whenReadable(Number.POSITIVE_INFINITY);
} else {
  const failure = async (what: Promise<unknown>) =>
    what.then(
      () => null,
      ({ code, reason, message }) => ({ code, reason, message }),
    );
  const listening = transport.listen(parseAddress(url), options, () => undefined);
  const server = await failure(listening);
  const client = server === null ? await failure(connect(transport, url, options)) : null;
  console.log(JSON.stringify({ server, client }));
  if (server === null) await (await listening).close();
  process.exit();
}
