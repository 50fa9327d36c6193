import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  type Deadline,
  type Link,
  openStreamLink,
  openStreamLinkSync,
  selfDeadlock,
  WRITABLE,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { connectNodeStream, type NodeStream } from '../node-stream.js';
import type { ResolvedTcpOptions } from './options.js';
import { calledPlaceOf, connectFailure, isServedHere, type Place, unresolvable } from './place.js';
import { TcpStream } from './stream.js';

/** Without the addon, `native` is undefined. */
export async function connect(
  native: NativeAddon | undefined,
  address: Address,
  options: ResolvedTcpOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  return throughHosts(address, deadline, signal, async (place) => {
    const stream =
      native === undefined
        ? await connectNode(place, address, options, deadline, signal)
        : new TcpStream(native, await connected(native, place, deadline, signal), address.url, options);
    return openStreamLink(stream, options, deadline, signal);
  });
}

/** Tries each numeric place of an address in turn, until one gives a result or says no with an RpcError. */
export async function throughHosts<T>(
  address: Address,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  attempt: (place: Place) => Promise<T>,
): Promise<T> {
  const { host, port } = calledPlaceOf(address);
  signal?.throwIfAborted();
  if (performance.now() >= deadline) throw late(address);
  const hosts = await hostsOf(address, host, deadline, signal);
  let failure: unknown;
  for (const one of hosts) {
    try {
      return await attempt({ host: one, port });
    } catch (error) {
      signal?.throwIfAborted();
      if (RpcError.is(error)) throw error;
      failure = isTimeout(error) && performance.now() >= deadline ? late(address) : connectFailure(error, address);
    }
  }
  throw failure;
}

export function connectSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedTcpOptions,
  deadline: Deadline,
): Link {
  const { host, port } = calledPlaceOf(address);
  const hosts = hostsOfSync(native, address, host, deadline);
  let failure: unknown;
  for (const one of hosts) {
    if (isServedHere({ host: one, port })) throw selfDeadlock(address.url);
    if (performance.now() >= deadline) throw late(address);
    try {
      const socket = connectedSync(native, { host: one, port }, address, deadline);
      return openStreamLinkSync(new TcpStream(native, socket, address.url, options), options, deadline);
    } catch (error) {
      if (RpcError.is(error)) throw error;
      failure = connectFailure(error, address);
    }
  }
  throw failure;
}

/** The numeric addresses of a host, best first, at least one. Rejects at the deadline, and with the signal's reason. */
export async function hostsOf(
  address: Address,
  host: string,
  deadline: Deadline = Number.POSITIVE_INFINITY,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = lookup(host, { all: true }).catch((error) => {
    throw unresolvable(address, host, error);
  });
  return (await until(found, deadline, signal, () => lateLookUp(address, host))).map((one) => one.address);
}

/** As `hostsOf`, blocking the thread until the deadline. */
export function hostsOfSync(
  native: NativeAddon,
  address: Address,
  host: string,
  deadline: Deadline,
): readonly string[] {
  if (isIP(host) !== 0) return [host];
  const hosts = native.lookUpHost(host, deadline - performance.now());
  if (hosts === null) throw lateLookUp(address, host);
  if (hosts.length === 0) throw unresolvable(address, host);
  return hosts;
}

/** Connects on the event loop. Rejects with a system error, ETIMEDOUT at the deadline, or the signal's reason. */
async function connected(
  native: NativeAddon,
  { host, port }: Place,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Fd> {
  const socket = native.connectTcp(host, port);
  try {
    let done = (): void => undefined;
    const writable = new Promise<void>((resolve) => {
      done = resolve;
    });
    const watcher = native.createWatcher(socket, () => done());
    watcher.watch(WRITABLE);
    try {
      await until(writable, deadline, signal, timedOut);
    } finally {
      watcher.close();
    }
    native.finishConnect(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function connectedSync(native: NativeAddon, { host, port }: Place, address: Address, deadline: Deadline): Fd {
  const socket = native.connectTcp(host, port);
  try {
    if (native.poll([socket], [WRITABLE], deadline - performance.now()) === 0) throw late(address);
    native.finishConnect(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function connectNode(
  to: Place,
  address: Address,
  options: ResolvedTcpOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<NodeStream> {
  const { keepAliveIdleMs } = options;
  const keepAlive = { keepAlive: keepAliveIdleMs > 0, keepAliveInitialDelay: keepAliveIdleMs };
  return connectNodeStream({ ...to, noDelay: true, ...keepAlive }, address.url, deadline, signal);
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Rejects at the deadline, and with the signal's reason, whatever becomes of the promise. */
async function until<T>(
  promise: Promise<T>,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  tooLate: () => Error,
): Promise<T> {
  let giveUp = (_error: unknown): void => undefined;
  const end = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const onAbort = (): void => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const left = deadline - performance.now();
  const timer = left <= LONGEST_TIMER_MS ? setTimeout(() => giveUp(tooLate()), Math.max(left, 0)) : undefined;
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function timedOut(): Error {
  return Object.assign(new Error('the deadline passed first'), { code: 'ETIMEDOUT' });
}

function isTimeout(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ETIMEDOUT';
}

/** No name server has answered by then. */
function lateLookUp(address: Address, host: string): RpcError {
  return late(address, `while the name "${host}" was being looked up`);
}

export function late(address: Address, when = 'first'): RpcError {
  return new RpcError('DEADLINE_EXCEEDED', `cannot connect to ${address.url}: the deadline passed ${when}`, {
    reason: Reason.DEADLINE,
    failed: 'channel',
  });
}
