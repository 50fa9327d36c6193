import { fromErrno, type RpcError } from '@callgate/core/errors';
import type { Address, Link, Listener } from '@callgate/core/transport';
import { hostsOf } from '../tcp/connect.js';
import { Door } from './door.js';
import { NodeDatagrams, openSocket } from './node-socket.js';
import type { ResolvedUdpOptions } from './options.js';
import { linked, listenFailure, listening, type Place, placeOf, urlOf } from './place.js';

/**
 * Listens without the native addon. Here the listener's socket permits others at its address all the time, since its
 * links' sockets are to join it; that nobody else is there yet is tried before.
 */
export async function listenWithoutAddon(
  address: Address,
  options: ResolvedUdpOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const { host, port } = placeOf(address);
  const [first] = await hostsOf(address, host);
  const wanted: Place = { host: first!, port };
  let socket: Awaited<ReturnType<typeof openSocket>>;
  try {
    if (listening.has(wanted) || !linked.has(wanted)) {
      const trial = await openSocket(wanted, undefined, false);
      const free = trial.address();
      await new Promise<void>((resolve) => trial.close(() => resolve()));
      socket = await openSocket({ host: first!, port: free.port }, undefined, true);
    } else {
      socket = await openSocket(wanted, undefined, true);
    }
  } catch (error) {
    throw listenFailure(error, address);
  }
  const bound = socket.address();
  const place: Place = { host: bound.address, port: bound.port };
  const unmark = listening.add(place);
  const url = urlOf(place);
  const door = new Door(url, options, onLink, onError);
  socket.on('error', (error) => onError(fromErrno(error, `cannot receive at ${url}`)));
  socket.on('message', (message, from) => {
    const remote: Place = { host: from.address, port: from.port };
    door.take(message, message.length, {
      key: Buffer.from(urlOf(remote)),
      answer: (bytes) => {
        if (open) socket.send(bytes, remote.port, remote.host, () => undefined);
      },
      fork: async () => {
        const forked = await openSocket(place, remote, true);
        return new NodeDatagrams(forked, urlOf(remote), linked.add(place));
      },
    });
  });
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      unmark();
      door.close();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
    ref: () => void (open && socket.ref()),
    unref: () => void (open && socket.unref()),
  };
}
