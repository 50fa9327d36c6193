import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { fromErrno, type RpcError } from '@callgate/core/errors';
import { type Address, refuseStream } from '@callgate/core/transport';
import { NodeStream } from '../node-stream.js';
import { hostsOf } from '../tcp/connect.js';
import { bind, callerOf } from '../tcp/node-listen.js';
import { listenFailure, type Place, placeOf, urlOf } from '../tcp/place.js';
import { badOption, contextOf } from './context.js';
import { createDoor } from './door.js';
import { BLOCKING_REMEDY, type ResolvedTlsOptions } from './options.js';
import { judge, tlsFailure } from './verify.js';

/** How long, in ms, a client may take for the handshake. */
const HANDSHAKE_MS = 10_000;

/** Accepts connections on this thread's event loop. */
export interface Entrance {
  readonly url: string;
  readonly place: Place;
  /** Idempotent. The address is free when it returns. */
  close(): void;
  ref(): void;
  unref(): void;
}

/** `onStream` gets each connection whose handshake is done and whose certificate, where one is asked for, holds. */
export async function openEntrance(
  address: Address,
  options: ResolvedTlsOptions,
  onStream: (stream: NodeStream) => void,
  onError: (error: RpcError) => void,
): Promise<Entrance> {
  const { host, port } = placeOf(address);
  if (options.cert === undefined)
    throw badOption('cert: a server shows a certificate: set the options cert and key, found none');
  const { keepAliveIdleMs, requestCert } = options;
  const tls = createTlsServer({
    ...contextOf(options).options,
    requestCert,
    // Verified, but refused by ourselves, with words that reach the client.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
  });
  const server = createServer({
    noDelay: true,
    keepAlive: keepAliveIdleMs > 0,
    keepAliveInitialDelay: keepAliveIdleMs,
  });
  const [first] = await hostsOf(address, host);
  try {
    await bind(server, { host: first!, port }, options.backlog);
  } catch (error) {
    throw listenFailure(error, address);
  }
  let open = true;
  const bound = server.address() as AddressInfo;
  const place = { host: bound.address, port: bound.port };
  const url = urlOf(place, 'tls');
  const door = createDoor(url, HANDSHAKE_MS, { onTls: (socket) => tls.emit('connection', socket), onError });
  server.on('error', (error) => onError(fromErrno(error, `cannot accept a connection at ${url}`)));
  server.on('connection', door.meet);
  tls.on('tlsClientError', (error, socket) => {
    const who = `the client at ${callerOf(socket, url, 'tls')}`;
    socket.destroy();
    if (open) onError(tlsFailure(error, who));
  });
  tls.on('secureConnection', (socket: TLSSocket) => {
    const caller = callerOf(socket, url, 'tls');
    const { certificate, problem } = requestCert
      ? judge(socket, `the client at ${caller}`, `the server at ${url}`)
      : { certificate: undefined, problem: undefined };
    const peer = { address: caller, ...(certificate === undefined ? {} : { certificate }) };
    const stream = new NodeStream(socket, peer, true);
    stream.blockingRemedy = BLOCKING_REMEDY;
    if (problem === undefined) {
      onStream(stream);
    } else {
      refuseStream(stream, problem);
      onError(problem);
    }
  });
  return {
    url,
    place,
    close() {
      if (!open) return;
      open = false;
      server.close();
      door.close();
    },
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  };
}
