import { type Deadline, type Handle, type HandleCourier, MOST_HANDLES, type Peer } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { NativeStream, timeLeft } from '../native-stream.js';

/** A connected Unix socket as a byte stream, which owns it. Handles travel with the bytes (SCM_RIGHTS, unix(7)). */
export class UnixStream extends NativeStream implements HandleCourier {
  readonly courier: HandleCourier = this;

  tryReadWith(bytes: Buffer, start: number, end: number, into: Handle[]): number {
    return this.native.receiveWithFds(this.socket, bytes, start, end, into as Fd[], MOST_HANDLES);
  }

  waitReadWith(bytes: Buffer, start: number, end: number, into: Handle[], deadline: Deadline): number {
    return this.native.receiveWithFds(this.socket, bytes, start, end, into as Fd[], MOST_HANDLES, timeLeft(deadline));
  }

  tryWriteWith(bytes: Buffer, start: number, end: number, handles: readonly Handle[]): number {
    const numbers = handles.map((handle) => handle.value);
    return this.native.sendWithFds(this.socket, bytes, start, end, numbers);
  }
}

/** `address`: what the peer is known by. Its credentials are asked from the kernel. Closes the socket when it throws. */
export function unixStream(native: NativeAddon, socket: Fd, address: string): UnixStream {
  let peer: Peer;
  try {
    peer = { address, credentials: Object.freeze(native.peerCredentials(socket)) };
  } catch (error) {
    socket.close();
    throw error;
  }
  return new UnixStream(native, socket, peer);
}
