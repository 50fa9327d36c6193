import { isIP } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { checkServerIdentity, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { type Address, type Deadline, refuseStream } from '@callgate/core/transport';
import { NodeStream, until } from '../node-stream.js';
import { throughHosts } from '../tcp/connect.js';
import { calledPlaceOf, type Place } from '../tcp/place.js';
import { contextOf } from './context.js';
import type { ResolvedTlsOptions } from './options.js';
import { judge, tlsFailure } from './verify.js';

/**
 * A connection to a server whose certificate holds, on this thread's event loop; nothing has been sent yet but what TLS
 * sends. `use` is what becomes of it: what that rejects with ends the attempt.
 */
export async function throughTls<T>(
  address: Address,
  options: ResolvedTlsOptions,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  use: (stream: NodeStream) => T | Promise<T>,
): Promise<T> {
  const { context } = contextOf(options);
  const { host } = calledPlaceOf(address);
  const who = `the server at ${address.url}`;
  return throughHosts(address, deadline, signal, async (place) => {
    const socket = await secured(place, options.servername ?? host, context, who, deadline, signal);
    socket.setNoDelay(true);
    socket.setKeepAlive(options.keepAliveIdleMs > 0, options.keepAliveIdleMs);
    const { certificate, problem } = judge(socket, who, 'this client');
    const peer = { address: address.url, ...(certificate === undefined ? {} : { certificate }) };
    const stream = new NodeStream(socket, peer, true, (error) => explain(error, who));
    if (problem !== undefined) {
      refuseStream(stream, problem);
      throw problem;
    }
    // A server that refuses says so before it looks; the second comes after the loop has looked at its descriptors.
    await setImmediate();
    await setImmediate();
    return use(stream);
  });
}

/**
 * A connection whose handshake is done. The certificate is verified, but what that found is looked at by the caller, who
 * can then tell the server. Rejects with RpcError for what TLS found, with a system error where it did not come to that.
 */
async function secured(
  { host, port }: Place,
  name: string,
  secureContext: SecureContext,
  who: string,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<TLSSocket> {
  const socket = connectTls({
    host,
    port,
    secureContext,
    // Only names can be asked for (RFC 6066, 3); addresses are verified all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: false,
  });
  let connected = false;
  socket.once('connect', () => {
    connected = true;
  });
  try {
    return await until('secureConnect', socket, deadline, signal);
  } catch (error) {
    if (!connected || signal?.aborted || (error as NodeJS.ErrnoException | null)?.code === 'ETIMEDOUT') throw error;
    throw tlsFailure(error, who);
  }
}

/** What a server that is not Callgate's says of this side's certificate comes when the handshake is long done. */
function explain(error: Error, who: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  return code?.startsWith('ERR_SSL_') ? tlsFailure(error, who) : error;
}
