import { RpcError } from '@callgate/core/errors';
import {
  type Address,
  type ByteStream,
  type Deadline,
  type Link,
  READABLE,
  selfDeadlock,
} from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { NativeStream } from '../native-stream.js';
import { hostsOf, hostsOfSync, late } from '../tcp/connect.js';
import { greet } from './greet.js';
import { connectNodeSocket } from './node-socket.js';
import type { ResolvedUdpOptions } from './options.js';
import { calledPlaceOf, connectFailure, listening, type Place } from './place.js';

/** Without the addon, `native` is undefined. */
export async function connect(
  native: NativeAddon | undefined,
  address: Address,
  options: ResolvedUdpOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const { host, port } = calledPlaceOf(address);
  signal?.throwIfAborted();
  if (performance.now() >= deadline) throw late(address);
  let failure: unknown;
  for (const one of await hostsOf(address, host, deadline, signal)) {
    try {
      const place = { host: one, port };
      const socket =
        native === undefined
          ? await connectNodeSocket(place, address.url)
          : new NativeStream(native, native.connectUdp(one, port), { address: address.url });
      return await drive(socket, address, options, deadline, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (RpcError.is(error) && error.code !== 'UNAVAILABLE') throw error;
      failure = RpcError.is(error) ? error : connectFailure(error, address);
    }
  }
  throw failure;
}

export function connectSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedUdpOptions,
  deadline: Deadline,
): Link {
  const { host, port } = calledPlaceOf(address);
  const hosts = hostsOfSync(native, address, host, deadline);
  let failure: unknown;
  for (const one of hosts) {
    const place: Place = { host: one, port };
    if (listening.has(place)) throw selfDeadlock(address.url);
    if (performance.now() >= deadline) throw late(address);
    try {
      const socket = new NativeStream(native, native.connectUdp(one, port), { address: address.url });
      const greeting = greet(socket, address, options, deadline);
      let step = greeting.next(false);
      while (!step.done) step = greeting.next(socket.wait(READABLE, step.value) !== 0);
      return step.value;
    } catch (error) {
      if (RpcError.is(error) && error.code !== 'UNAVAILABLE') throw error;
      failure = RpcError.is(error) ? error : connectFailure(error, address);
    }
  }
  throw failure;
}

/** Greets on the event loop. */
async function drive(
  socket: ByteStream,
  address: Address,
  options: ResolvedUdpOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const greeting = greet(socket, address, options, deadline);
  let wake = (_came: boolean): void => undefined;
  socket.onEvents = () => wake(true);
  const onAbort = (): void => wake(false);
  signal?.addEventListener('abort', onAbort);
  try {
    let step = greeting.next(false);
    while (!step.done) {
      const until = step.value;
      let timer: NodeJS.Timeout | undefined;
      const came = await new Promise<boolean>((resolve) => {
        wake = resolve;
        socket.watch(READABLE);
        socket.ref();
        timer = setTimeout(resolve, Math.max(until - performance.now(), 0), false);
      });
      clearTimeout(timer);
      if (signal?.aborted) {
        socket.abort();
        throw signal.reason;
      }
      step = greeting.next(came);
    }
    // The link sees to that from here on.
    socket.unref();
    return step.value;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
