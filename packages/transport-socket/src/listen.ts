import { isAbsolute } from 'node:path';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  bindSocketFile,
  type Link,
  type Listener,
  READABLE,
  refuseStream,
  socketPath,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { createGatekeeper, type Gatekeeper } from './admit.js';
import { NativeStream } from './native-stream.js';
import type { ResolvedUnixOptions } from './options.js';

/** Connections accepted in one turn of the event loop. */
const ACCEPTED_AT_ONCE = 64;
/** How long, in ms, a listener rests that cannot accept, for want of descriptors or memory. Its clients wait meanwhile. */
const REST_MS = 100;

/** Paths at which this thread listens. */
const served = new Set<string>();

export function isServedHere(path: string): boolean {
  return served.has(path);
}

export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedUnixOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const path = socketPath(address);
  const { bound, remove } = await bindSocketFile(address, path, {
    lock: (file) => native.lockFile(file),
    inUse: (at) => answers(native, at),
    bind: (at) => native.listenUnix(at, options.mode, options.backlog),
  });
  const url = urlOf(address, path);
  served.add(path);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  const acceptor = new Acceptor(native, bound, url, gatekeeper, onError);
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      served.delete(path);
      // First the name, while the socket still listens: nobody can take it for stale in between.
      remove();
      acceptor.close();
      gatekeeper.close();
    },
    ref: () => acceptor.keepAlive(true),
    unref: () => acceptor.keepAlive(false),
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
    refuseStream(new NativeStream(native, native.connectUnix(path, 0), path));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    // Its queue is full, or it is a socket of another kind: in any case somebody's.
    if (code === 'ETIMEDOUT' || code === 'EPROTOTYPE') return true;
    throw error;
  }
}

/** Accepts from a listening socket on the event loop. Owns the socket. */
class Acceptor {
  readonly #native: NativeAddon;
  readonly #socket: Fd;
  readonly #url: string;
  readonly #gatekeeper: Gatekeeper;
  readonly #onError: (error: RpcError) => void;
  readonly #watcher;
  #alive = true;
  #resting: NodeJS.Timeout | undefined;
  /** The trouble was reported and is not over. */
  #troubled = false;

  constructor(native: NativeAddon, socket: Fd, url: string, gatekeeper: Gatekeeper, onError: (e: RpcError) => void) {
    this.#native = native;
    this.#socket = socket;
    this.#url = url;
    this.#gatekeeper = gatekeeper;
    this.#onError = onError;
    this.#watcher = native.createWatcher(socket, () => this.#acceptSome());
    this.#watcher.watch(READABLE);
  }

  keepAlive(alive: boolean): void {
    this.#alive = alive;
    if (alive) this.#watcher.ref();
    else this.#watcher.unref();
    if (alive) this.#resting?.ref();
    else this.#resting?.unref();
  }

  close(): void {
    clearTimeout(this.#resting);
    const why = `the server at ${this.#url} has just stopped listening`;
    const error = new RpcError('UNAVAILABLE', why, { reason: Reason.UNREACHABLE, failed: 'channel' });
    try {
      for (let stream = this.#accept(); stream !== null; stream = this.#accept()) refuseStream(stream, error);
    } catch {
      // Those who still wait are cut off when the socket closes.
    }
    this.#watcher.close();
    this.#socket.close();
  }

  #acceptSome(): void {
    for (let left = ACCEPTED_AT_ONCE; left > 0 && this.#socket.value >= 0; left--) {
      let stream: NativeStream | null;
      try {
        stream = this.#accept();
      } catch (error) {
        this.#rest(error);
        return;
      }
      if (stream === null) return;
      this.#troubled = false;
      this.#gatekeeper.admit(stream);
    }
  }

  #accept(): NativeStream | null {
    const socket = this.#native.acceptUnix(this.#socket);
    return socket && new NativeStream(this.#native, socket, this.#url);
  }

  /** Watching on would call again at once, for nothing, as long as the trouble lasts. */
  #rest(cause: unknown): void {
    this.#watcher.watch(0);
    this.#resting = setTimeout(() => this.#watcher.watch(READABLE), REST_MS);
    if (!this.#alive) this.#resting.unref();
    if (this.#troubled) return;
    this.#troubled = true;
    this.#onError(fromErrno(cause, `cannot accept a connection at ${this.#url}`));
  }
}
