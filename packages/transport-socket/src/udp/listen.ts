import { fromErrno, type RpcError } from '@callgate/core/errors';
import { type Address, type Link, type Listener, READABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { NativeStream } from '../native-stream.js';
import { hostsOf } from '../tcp/connect.js';
import { Door } from './door.js';
import { GREETING_BYTES } from './layout.js';
import type { ResolvedUdpOptions } from './options.js';
import { linked, listenFailure, listening, placeOf, urlOf } from './place.js';

/** Datagrams that are taken before the event loop gets its turn. */
const AT_ONCE = 64;
/** What the addon writes of a datagram's two addresses; the sender's is the first half. */
const ORIGIN_BYTES = 56;

export async function listen(
  native: NativeAddon,
  address: Address,
  options: ResolvedUdpOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const { host, port } = placeOf(address);
  const [first] = await hostsOf(address, host);
  let socket: Fd;
  try {
    socket = native.bindUdp(first!, port, linked.has({ host: first!, port }));
  } catch (error) {
    throw listenFailure(error, address);
  }
  const place = native.inetAddress(socket, false);
  const unmark = listening.add(place);
  const url = urlOf(place);
  const door = new Door(url, options, onLink, onError);
  const bytes = Buffer.alloc(GREETING_BYTES + 1);
  const origin = new Uint8Array(ORIGIN_BYTES);
  const caller = {
    key: origin.subarray(0, ORIGIN_BYTES / 2),
    answer(answer: Buffer): void {
      try {
        native.sendTo(socket, answer, 0, answer.length, origin);
      } catch {
        // As lost as any datagram: whoever asked will ask again.
      }
    },
    fork: () => forkSocket(native, socket, origin),
  };
  const take = (): void => {
    for (let taken = 0; taken < AT_ONCE && open; taken++) {
      let length: number;
      try {
        length = native.receiveFrom(socket, bytes, 0, bytes.length, origin);
      } catch (error) {
        onError(fromErrno(error, `cannot receive at ${url}`));
        return;
      }
      if (length < 0) return;
      door.take(bytes, length, caller);
    }
  };
  const watcher = native.createWatcher(socket, take);
  watcher.watch(READABLE);
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      unmark();
      door.close();
      socket.close();
    },
    ref: () => void (open && watcher.ref()),
    unref: () => void (open && watcher.unref()),
  };
}

/** The socket of one caller, at the listener's address. */
function forkSocket(native: NativeAddon, listener: Fd, origin: Uint8Array): NativeStream {
  const socket = native.forkUdp(listener, origin);
  const unmark = linked.add(native.inetAddress(socket, false));
  return new LinkedStream(native, socket, urlOf(native.inetAddress(socket, true)), unmark);
}

class LinkedStream extends NativeStream {
  readonly #unmark: () => void;
  #open = true;

  constructor(native: NativeAddon, socket: Fd, address: string, unmark: () => void) {
    super(native, socket, { address });
    this.#unmark = unmark;
  }

  override abort(): void {
    if (this.#open) this.#unmark();
    this.#open = false;
    super.abort();
  }
}
