import { fromErrno, RpcError } from '@callgate/core/errors';
import {
  Acceptor,
  type Address,
  type BoundSocket,
  bindSocketFile,
  inheritedPlace,
  type Link,
  type Listener,
  type Rendezvous,
  refusal,
  rendezvous,
  servePath,
  socketPath,
  type TransportOptions,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { requireAddon } from '../addon.js';
import type { MeetingOptions, MemoryKind } from './kind.js';
import { encodeRefusal, encodeWelcome } from './welcome.js';

const READABLE = 1;

export async function listen<O extends MeetingOptions>(
  kind: MemoryKind<O>,
  address: Address,
  options: TransportOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void = () => undefined,
): Promise<Listener> {
  const resolved = kind.resolve(options);
  const addon = requireAddon(kind.scheme);
  const inherited = inheritedPlace(
    address,
    'socket',
    (descriptor) => addon.adoptFd(descriptor),
    () => servePath(socketPath(address)),
  );
  const { bound, remove, shared } = inherited ?? (await bindHere(addon, address, resolved));
  const host = new Host(kind, addon, address, resolved, onLink, onError);
  const acceptor = new Acceptor<Fd>(
    (onAcceptable) => {
      const watcher = addon.createWatcher(bound, onAcceptable);
      return {
        accept: () => addon.acceptUnix(bound),
        watch: (on) => watcher.watch(on ? READABLE : 0),
        ref: () => watcher.ref(),
        unref: () => watcher.unref(),
        close: () => bound.close(),
      };
    },
    {
      shared,
      admit: (socket) => host.welcome(socket),
      turnAway: (socket) => host.turnAway(socket),
      onTrouble: (cause) => onError(fromErrno(cause, `cannot accept a connection at ${address.url}`)),
    },
  );
  let open = true;
  /** First the name, while the socket still listens: nobody can take it for stale in between. */
  const giveUpName = (): boolean => {
    const first = open;
    open = false;
    if (first) remove();
    return first;
  };
  return {
    url: address.url,
    close: async () => {
      if (giveUpName()) acceptor.close();
    },
    leave: async () => {
      if (giveUpName()) acceptor.leave();
    },
    ref: () => acceptor.keepAlive(true),
    unref: () => acceptor.keepAlive(false),
  };
}

function bindHere(addon: NativeAddon, address: Address, { mode, backlog }: MeetingOptions): Promise<BoundSocket<Fd>> {
  return bindSocketFile(address, socketPath(address), {
    lock: (file) => addon.lockFile(file),
    inUse: (path) => answers(addon, path),
    bind: (path) => addon.listenUnix(path, mode, backlog),
  });
}

/** See `Transport.bind`. */
export async function bind<O extends MeetingOptions>(
  kind: MemoryKind<O>,
  address: Address,
  options: TransportOptions,
): Promise<Rendezvous> {
  const { bound, remove } = await bindHere(requireAddon(kind.scheme), address, kind.resolve(options));
  return rendezvous(address.url, bound, remove);
}

/** Whether a server listens. Throws a system error when that cannot be told. */
function answers(addon: NativeAddon, path: string): boolean {
  try {
    addon.connectUnix(path, 0).close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    // Its queue is full, or it is a socket of another kind: in any case somebody's.
    if (code === 'ETIMEDOUT' || code === 'EPROTOTYPE') return true;
    throw error;
  }
}

/** Receives those who come. Whatever goes wrong with one of them concerns nobody else. */
class Host<O extends MeetingOptions> {
  readonly #kind: MemoryKind<O>;
  readonly #addon: NativeAddon;
  readonly #address: Address;
  readonly #options: O;
  readonly #onLink: (link: Link) => void;
  readonly #onError: (error: RpcError) => void;

  constructor(
    kind: MemoryKind<O>,
    addon: NativeAddon,
    address: Address,
    options: O,
    onLink: (link: Link) => void,
    onError: (error: RpcError) => void,
  ) {
    this.#kind = kind;
    this.#addon = addon;
    this.#address = address;
    this.#options = options;
    this.#onLink = onLink;
    this.#onError = onError;
  }

  /** Makes the memory for one peer, and hands it over. */
  welcome(socket: Fd): void {
    const addon = this.#addon;
    const made: { close(): void }[] = [socket];
    const keep = <T extends { close(): void }>(part: T): T => {
      made.push(part);
      return part;
    };
    try {
      const refused = refusal(this.#options.allow, addon.peerCredentials(socket), this.#address.url);
      if (refused !== undefined) {
        this.#say(socket, encodeRefusal(refused));
        throw refused;
      }
      const wayBytes = this.#kind.wayBytes(this.#options);
      const bytes = this.#kind.memoryBytes(wayBytes);
      const memfd = keep(addon.createMemfd('callgate', bytes));
      const mapping = keep(addon.mapMemfd(memfd, bytes));
      this.#kind.initialise(mapping.buffer, wayBytes);
      this.#say(socket, encodeWelcome(wayBytes), memfd);
      memfd.close();
      const parts = { addon, mapping, socket };
      this.#onLink(this.#kind.link('acceptor', wayBytes, parts, this.#address, this.#options));
    } catch (error) {
      for (const part of made) part.close();
      // Who comes only to see whether a server is there is gone before it can be welcomed.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
      this.#onError(fromErrno(error, `cannot welcome a peer at ${this.#address.url}`));
    }
  }

  turnAway(socket: Fd): void {
    const words = `the server at ${this.#address.url} has just stopped listening`;
    try {
      this.#say(socket, encodeRefusal(new RpcError('UNAVAILABLE', words)));
    } catch {
      // Who came only to see whether a server is there has gone by itself.
    }
    socket.close();
  }

  /** A fresh socket has room for a welcome: what does not fit at once is a peer that plays tricks. */
  #say(socket: Fd, bytes: Buffer, memfd?: Fd): void {
    const addon = this.#addon;
    const sent =
      memfd === undefined
        ? addon.write(socket, bytes, 0, bytes.length)
        : addon.sendWithFds(socket, bytes, 0, bytes.length, [memfd]);
    if (sent !== bytes.length) throw new Error(`only ${sent} of ${bytes.length} bytes of the welcome could be sent`);
  }
}
