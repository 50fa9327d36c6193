import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  Acceptor,
  type AcceptSource,
  type Address,
  createGatekeeper,
  inheritedPlace,
  type Link,
  type Listener,
  READABLE,
  type Rendezvous,
  refuseStream,
  rendezvous,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { hostsOf } from './connect.js';
import type { ResolvedTcpOptions } from './options.js';
import { listenFailure, markServed, placeOf, urlOf } from './place.js';
import { callerUrl, TcpStream } from './stream.js';

export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedTcpOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const inherited = inheritedPlace(
    address,
    'socket',
    (descriptor) => native.adoptFd(descriptor),
    () => () => undefined,
  );
  const shared = inherited !== undefined;
  const socket = inherited?.bound ?? (await bindHere(native, address, options));
  const place = native.inetAddress(socket, false);
  const unmark = markServed(place);
  const url = urlOf(place);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  const why = new RpcError('UNAVAILABLE', `the server at ${url} has just stopped listening`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
  const acceptor = new Acceptor((onAcceptable) => source(native, socket, url, options, onAcceptable), {
    shared,
    admit: (stream) => gatekeeper.admit(stream),
    turnAway: (stream) => refuseStream(stream, why),
    onTrouble: (cause) => onError(fromErrno(cause, `cannot accept a connection at ${url}`)),
  });
  let open = true;
  const giveUpName = (): boolean => {
    const first = open;
    open = false;
    if (first) unmark();
    return first;
  };
  return {
    url,
    async close() {
      if (giveUpName()) acceptor.close();
      gatekeeper.close();
    },
    async leave() {
      if (giveUpName()) acceptor.leave();
      await gatekeeper.leave();
    },
    ref: () => acceptor.keepAlive(true),
    unref: () => acceptor.keepAlive(false),
  };
}

async function bindHere(native: NativeAddon, address: Address, options: ResolvedTcpOptions): Promise<Fd> {
  const { host, port } = placeOf(address);
  const [first] = await hostsOf(address, host);
  try {
    return native.listenTcp(first!, port, options.backlog);
  } catch (error) {
    throw listenFailure(error, address);
  }
}

/** See `Transport.bind`. */
export async function bind(native: NativeAddon, address: Address, options: ResolvedTcpOptions): Promise<Rendezvous> {
  const socket = await bindHere(native, address, options);
  return rendezvous(urlOf(native.inetAddress(socket, false)), socket);
}

/** Owns the socket. */
function source(
  native: NativeAddon,
  socket: Fd,
  url: string,
  options: ResolvedTcpOptions,
  onAcceptable: () => void,
): AcceptSource<TcpStream> {
  const watcher = native.createWatcher(socket, onAcceptable);
  return {
    accept() {
      const accepted = native.acceptTcp(socket);
      return accepted && new TcpStream(native, accepted, callerUrl(native, accepted, url), options);
    },
    watch: (on) => watcher.watch(on ? READABLE : 0),
    ref: () => watcher.ref(),
    unref: () => watcher.unref(),
    close: () => socket.close(),
  };
}
