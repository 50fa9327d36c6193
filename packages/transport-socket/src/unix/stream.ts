import type { Fd, NativeAddon } from '@callgate/native';
import { NativeStream } from '../native-stream.js';

/**
 * A connected Unix socket as a byte stream, which owns it. `address`: what the peer is known by. Its credentials are
 * asked from the kernel. Closes the socket when it throws.
 */
export function unixStream(native: NativeAddon, socket: Fd, address: string): NativeStream {
  try {
    return new NativeStream(native, socket, { address, credentials: Object.freeze(native.peerCredentials(socket)) });
  } catch (error) {
    socket.close();
    throw error;
  }
}
