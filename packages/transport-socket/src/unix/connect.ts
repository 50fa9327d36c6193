import {
  type Address,
  connectSocketFile,
  connectSocketFileSync,
  type Deadline,
  type Link,
  openStreamLink,
  openStreamLinkSync,
  socketPath,
} from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { connectNodeStream } from '../node-stream.js';
import type { ResolvedUnixOptions } from './options.js';
import { type UnixStream, unixStream } from './stream.js';

/** Without the addon, `native` is undefined. */
export async function connect(
  native: NativeAddon | undefined,
  address: Address,
  options: ResolvedUnixOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const stream = await connectSocketFile(
    address,
    socketPath(address),
    async (path) =>
      native === undefined
        ? connectNodeStream({ path }, address.url, deadline, signal)
        : unixStream(native, native.connectUnix(path, 0), address.url),
    deadline,
    signal,
  );
  return openStreamLink(stream, options, deadline, signal);
}

export function connectSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedUnixOptions,
  deadline: Deadline,
): Link {
  const connected = (to: string, timeoutMs: number): UnixStream =>
    unixStream(native, native.connectUnix(to, timeoutMs), address.url);
  return openStreamLinkSync(
    connectSocketFileSync(address, socketPath(address), connected, deadline),
    options,
    deadline,
  );
}
