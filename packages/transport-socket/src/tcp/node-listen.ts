import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { fromErrno, type RpcError } from '@callgate/core/errors';
import { type Address, createGatekeeper, type Link, type Listener } from '@callgate/core/transport';
import { NodeStream } from '../node-stream.js';
import { hostsOf } from './connect.js';
import type { ResolvedTcpOptions } from './options.js';
import { listenFailure, markServed, type Place, placeOf, urlOf } from './place.js';

/** Listens without the native addon. */
export async function listenWithoutAddon(
  address: Address,
  options: ResolvedTcpOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const { host, port } = placeOf(address);
  const [first] = await hostsOf(address, host);
  const { keepAliveIdleMs } = options;
  const server = createServer({
    noDelay: true,
    keepAlive: keepAliveIdleMs > 0,
    keepAliveInitialDelay: keepAliveIdleMs,
  });
  try {
    await bind(server, { host: first!, port }, options.backlog);
  } catch (error) {
    throw listenFailure(error, address);
  }
  const bound = server.address() as AddressInfo;
  const place = { host: bound.address, port: bound.port };
  const unmark = markServed(place);
  const url = urlOf(place);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  server.on('error', (error) => onError(fromErrno(error, `cannot accept a connection at ${url}`)));
  server.on('connection', (socket) => {
    gatekeeper.admit(new NodeStream(socket, { address: callerOf(socket, url) }, true));
  });
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      unmark();
      server.close();
      gatekeeper.close();
    },
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  };
}

/** The URL of who is at the other end; `url` when he has gone. */
export function callerOf(socket: Socket, url: string, scheme = 'tcp'): string {
  const { remoteAddress: host, remotePort: port } = socket;
  return host === undefined || port === undefined ? url : urlOf({ host, port }, scheme);
}

export function bind(server: Server, place: Place, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      resolve();
    });
    server.listen({ ...place, backlog, exclusive: true, ipv6Only: true });
  });
}
