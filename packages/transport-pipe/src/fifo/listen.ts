import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  Acceptor,
  type Address,
  type BoundSocket,
  bindSocketFile,
  createGatekeeper,
  inheritedPlace,
  type Link,
  type Listener,
  type MeetingFile,
  meetingPath,
  type Rendezvous,
  refuseStream,
  rendezvous,
  servePath,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { Door } from './door.js';
import { pairPaths, tokenOf } from './knock.js';
import type { ResolvedFifoOptions } from './options.js';
import { BOTH, unlinkPair, WRITE } from './visit.js';

/** A client that lives opens its fifos within less ms after making them. */
const ABANDONED_MS = 10_000;

const fifoFile: MeetingFile = { word: 'fifo', is: (stat) => stat.isFIFO(), keepsTime: false };

export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const path = meetingPath(address, '');
  const inherited = inheritedPlace(
    address,
    'fifo',
    (descriptor) => native.adoptFd(descriptor),
    () => servePath(path),
  );
  const { bound, remove, shared } = inherited ?? (await bindFifo(native, address, path, options.mode));
  removeAbandoned(native, path);
  const url = urlOf(address, path);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  const why = new RpcError('UNAVAILABLE', `the server at ${url} has just stopped listening`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
  const acceptor = new Acceptor((onKnock) => new Door({ native, fifo: bound, path, url, onKnock, onError }), {
    shared,
    admit: (stream) => gatekeeper.admit(stream),
    turnAway: (stream) => refuseStream(stream, why),
    onTrouble: (cause) => onError(fromErrno(cause, `cannot let a client in at ${url}`)),
  });
  let open = true;
  /** First the name, while the fifo is still read: nobody can take it for stale in between. */
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

/** Makes a fifo and opens it, to read; a stale one is taken over, see bindSocketFile. Rejects with RpcError. */
export function bindFifo(native: NativeAddon, address: Address, path: string, mode: number): Promise<BoundSocket<Fd>> {
  return bindSocketFile(address, path, {
    kind: fifoFile,
    lock: (file) => native.lockFile(file),
    inUse: (at) => isRead(native, at),
    bind: (at) => {
      native.makeFifo(at, mode);
      // Open to write as well, so that it never comes to its end when the last client leaves.
      return native.openFifo(at, BOTH);
    },
  });
}

/** See `Transport.bind`. */
export async function bind(native: NativeAddon, address: Address, options: ResolvedFifoOptions): Promise<Rendezvous> {
  const path = meetingPath(address, '');
  const { bound, remove } = await bindFifo(native, address, path, options.mode);
  return rendezvous(urlOf(address, path), bound, remove);
}

/** The URL at which others reach it: a relative path means something else elsewhere. */
export function urlOf(address: Address, path: string): string {
  const relative = !isAbsolute(address.path) && address.path.includes('/');
  return relative ? `${address.scheme}:${path.split('/').map(encodeURIComponent).join('/')}` : address.url;
}

/** Whether anybody has the fifo open to read. Throws a system error when that cannot be told. */
function isRead(native: NativeAddon, path: string): boolean {
  try {
    native.openFifo(path, WRITE).close();
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENXIO' || code === 'ENOENT') return false;
    throw error;
  }
}

/** What clients made that were killed before this path's server has let them in. */
function removeAbandoned(native: NativeAddon, path: string): void {
  const folder = dirname(path);
  for (const file of readdirSync(folder)) {
    const token = tokenOf(basename(path), file);
    if (token === undefined) continue;
    const pair = pairPaths(path, token);
    try {
      const old = Date.now() - statSync(join(folder, file)).mtimeMs > ABANDONED_MS;
      if (old && !(isRead(native, pair.down) || isRead(native, pair.up))) unlinkPair(pair);
    } catch {
      // Somebody else's, or gone meanwhile.
    }
  }
}
