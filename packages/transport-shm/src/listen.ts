import { fromErrno, type RpcError } from '@callgate/core/errors';
import {
  type Address,
  initialiseSegment,
  type Link,
  type Listener,
  refusal,
  segmentBytes,
  segmentOver,
  socketPath,
  type TransportOptions,
} from '@callgate/core/transport';
import { type Fd, listenAtPath, type NativeAddon } from '@callgate/native';
import { requireAddon } from './addon.js';
import { makeLink } from './link.js';
import { type ResolvedShmOptions, resolveShmOptions, type ShmOptions } from './options.js';
import { encodeRefusal, encodeWelcome } from './welcome.js';

const READABLE = 1;

export async function listen(
  address: Address,
  options: TransportOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void = () => undefined,
): Promise<Listener> {
  const resolved = resolveShmOptions(options as ShmOptions);
  const addon = requireAddon();
  const path = socketPath(address);
  let place: ReturnType<typeof listenAtPath>;
  try {
    place = listenAtPath(addon, path, resolved);
  } catch (error) {
    throw fromErrno(error, `listening at ${address.url}`);
  }
  const accept = (): void => {
    try {
      for (let socket = addon.acceptUnix(place.fd); socket !== null; socket = addon.acceptUnix(place.fd)) {
        welcome(addon, socket, address, resolved, onLink, onError);
      }
    } catch (error) {
      onError(fromErrno(error, `accepting at ${address.url}`));
    }
  };
  const watcher = addon.createWatcher(place.fd, accept);
  watcher.watch(READABLE);
  let open = true;
  return {
    url: address.url,
    close: async () => {
      if (!open) return;
      open = false;
      watcher.close();
      place.close();
    },
    ref: () => watcher.ref(),
    unref: () => watcher.unref(),
  };
}

/** Makes the memory for one peer and hands it over; whatever goes wrong concerns only this peer. */
function welcome(
  addon: NativeAddon,
  socket: Fd,
  address: Address,
  options: ResolvedShmOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): void {
  const made: { close(): void }[] = [socket];
  try {
    const refused = refusal(options.allow, addon.peerCredentials(socket), address.url);
    if (refused !== undefined) {
      say(addon, socket, encodeRefusal(refused), []);
      throw refused;
    }
    const bytes = segmentBytes(options.ringBytes);
    const memfd = addon.createMemfd('callgate', bytes);
    made.push(memfd);
    const mapping = addon.mapMemfd(memfd, bytes);
    made.push(mapping);
    const own = addon.createEventFd();
    made.push(own);
    const peers = addon.createEventFd();
    made.push(peers);
    const segment = segmentOver(mapping.buffer, options.ringBytes);
    initialiseSegment(segment);
    say(addon, socket, encodeWelcome(options.ringBytes), [memfd, own, peers]);
    memfd.close();
    const link = makeLink(segment, 'acceptor', { addon, mapping, own, peers, socket }, address, options);
    onLink(link);
  } catch (error) {
    for (const part of made) part.close();
    onError(fromErrno(error, `welcoming a peer at ${address.url}`));
  }
}

/** A fresh socket has room for a welcome: what does not fit at once is a peer that is gone already. */
function say(addon: NativeAddon, socket: Fd, bytes: Buffer, fds: readonly Fd[]): void {
  const sent = addon.sendWithFds(socket, bytes, 0, bytes.length, fds);
  if (sent !== bytes.length) throw new Error(`only ${sent} of ${bytes.length} bytes could be sent`);
}
