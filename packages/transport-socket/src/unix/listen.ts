import { isAbsolute } from 'node:path';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  Acceptor,
  type AcceptSource,
  type Address,
  type BoundSocket,
  bindSocketFile,
  createGatekeeper,
  inheritedPlace,
  type Link,
  type Listener,
  READABLE,
  type Rendezvous,
  refuseStream,
  rendezvous,
  servePath,
  socketPath,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import type { ResolvedUnixOptions } from './options.js';
import { type UnixStream, unixStream } from './stream.js';

export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedUnixOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const path = socketPath(address);
  const inherited = inheritedPlace(
    address,
    'socket',
    (descriptor) => native.adoptFd(descriptor),
    () => servePath(path),
  );
  const { bound, remove, shared } = inherited ?? (await bindHere(native, address, options));
  const url = urlOf(address, path);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  const why = new RpcError('UNAVAILABLE', `the server at ${url} has just stopped listening`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
  const acceptor = new Acceptor((onAcceptable) => source(native, bound, url, onAcceptable), {
    shared,
    admit: (stream) => gatekeeper.admit(stream),
    turnAway: (stream) => refuseStream(stream, why),
    onTrouble: (cause) => onError(fromErrno(cause, `cannot accept a connection at ${url}`)),
  });
  let open = true;
  /** First the name, while the socket still listens: nobody can take it for stale in between. */
  const giveUpName = (): boolean => {
    const first = open;
    open = false;
    if (first) remove();
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

function bindHere(native: NativeAddon, address: Address, options: ResolvedUnixOptions): Promise<BoundSocket<Fd>> {
  return bindSocketFile(address, socketPath(address), {
    lock: (file) => native.lockFile(file),
    inUse: (at) => answers(native, at),
    bind: (at) => native.listenUnix(at, options.mode, options.backlog),
  });
}

/** See `Transport.bind`. */
export async function bind(native: NativeAddon, address: Address, options: ResolvedUnixOptions): Promise<Rendezvous> {
  const { bound, remove } = await bindHere(native, address, options);
  return rendezvous(urlOf(address, socketPath(address)), bound, remove);
}

/** Owns the socket. */
function source(native: NativeAddon, socket: Fd, url: string, onAcceptable: () => void): AcceptSource<UnixStream> {
  const watcher = native.createWatcher(socket, onAcceptable);
  return {
    accept() {
      const accepted = native.acceptUnix(socket);
      return accepted && unixStream(native, accepted, url);
    },
    watch: (on) => watcher.watch(on ? READABLE : 0),
    ref: () => watcher.ref(),
    unref: () => watcher.unref(),
    close: () => socket.close(),
  };
}

/** The URL at which others reach it: a relative path means something else elsewhere. */
export function urlOf(address: Address, path: string): string {
  const relative = !isAbsolute(address.path) && address.path.includes('/');
  return relative ? `${address.scheme}:${path.split('/').map(encodeURIComponent).join('/')}` : address.url;
}

/** Whether a server listens. Throws a system error when that cannot be told. */
function answers(native: NativeAddon, path: string): boolean {
  try {
    refuseStream(unixStream(native, native.connectUnix(path, 0), path));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    // Its queue is full, or it is a socket of another kind: in any case somebody's.
    if (code === 'ETIMEDOUT' || code === 'EPROTOTYPE') return true;
    throw error;
  }
}
