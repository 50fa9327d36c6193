/**
 * `pipe:` for two sides that do not descend from each other, so that the conformance suite can bring them together: they
 * meet at a Unix socket, by which the listening side hands the connecting one its ends. From there on it is `pipe:`
 * itself, just as with ends that came by inheritance.
 */
import { fromErrno, RpcError } from '@callgate/core/errors';
import {
  type Address,
  bindSocketFile,
  connectSocketFile,
  connectSocketFileSync,
  type Deadline,
  HUNG_UP,
  type Listener,
  parseAddress,
  READABLE,
  type Transport,
} from '@callgate/core/transport';
import { type Fd, loadAddon } from '@callgate/native';
import { newName, offer } from '../offers.js';
import { pipeTransport } from '../transport.js';

const native = loadAddon();
const byte = Buffer.alloc(1);

function offered(input: Fd, output: Fd, address: string): Address {
  const name = newName();
  offer(name, { input, output, peer: { address } });
  return parseAddress(`pipe:${name}`);
}

/** The ends that came with the socket's byte. */
function received(socket: Fd, address: Address): Address {
  const ends: Fd[] = [];
  try {
    native.receiveWithFds(socket, byte, 0, 1, ends, 2);
  } catch (error) {
    throw fromErrno(error, `cannot connect to ${address.url}`);
  } finally {
    socket.close();
  }
  const [input, output] = ends;
  if (input !== undefined && output !== undefined) return offered(input, output, address.url);
  throw new RpcError('UNAVAILABLE', `cannot connect to ${address.url}: it does not listen any more`, {
    reason: 'UNREACHABLE',
  });
}

async function comes(socket: Fd, deadline: Deadline, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = withResolvers();
  const watcher = native.createWatcher(socket, resolve);
  const onAbort = (): void => reject(signal?.reason);
  const late = (): void => reject(new RpcError('DEADLINE_EXCEEDED', 'the deadline passed first'));
  const timer = setTimeout(late, Math.min(Math.max(deadline - performance.now(), 0), 2 ** 31 - 1));
  signal?.addEventListener('abort', onAbort);
  watcher.watch(READABLE | HUNG_UP);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    watcher.close();
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve = (): void => undefined;
  let reject = (_error: unknown): void => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const nobody = parseAddress('pipe:child-0');

/** Fails as `pipe:` does when something is wrong besides the address, where nobody is. */
async function refuseWhatPipeRefuses(attempt: Promise<unknown>): Promise<void> {
  await attempt.catch((error: RpcError) => {
    if (error.code !== 'UNAVAILABLE') throw error;
  });
}

export const transport: Transport = {
  ...pipeTransport,
  async connect(address, options, deadline, signal) {
    signal?.throwIfAborted();
    await refuseWhatPipeRefuses(pipeTransport.connect(nobody, options, deadline));
    const socket = await connectSocketFile(
      address,
      address.path,
      (path) => native.connectUnix(path, 0),
      deadline,
      signal,
    );
    await comes(socket, deadline, signal);
    return pipeTransport.connect(received(socket, address), options, deadline, signal);
  },
  connectSync(address, options, deadline) {
    const connect = (path: string, timeoutMs: number): Fd => native.connectUnix(path, timeoutMs);
    const socket = connectSocketFileSync(address, address.path, connect, deadline);
    if (native.poll([socket], [READABLE], deadline - performance.now()) === 0) {
      socket.close();
      throw new RpcError('DEADLINE_EXCEEDED', 'the deadline passed first');
    }
    return pipeTransport.connectSync(received(socket, address), options, deadline);
  },
  async listen(address, options, onLink, onError = () => undefined) {
    await refuseWhatPipeRefuses(pipeTransport.listen(nobody, options, onLink));
    const { bound, remove } = await bindSocketFile(address, address.path, {
      lock: (file) => native.lockFile(file),
      inUse(path) {
        try {
          native.connectUnix(path, 0).close();
          return true;
        } catch {
          return false;
        }
      },
      bind: (path) => native.listenUnix(path, 0o600, 100),
    });
    const waiting = new Set<Listener>();
    let open = true;
    const handOver = async (socket: Fd): Promise<void> => {
      const [theirInput, output] = native.createPipe();
      const [input, theirOutput] = native.createPipe();
      const mine = offered(input, output, address.url);
      let listener: Listener | undefined;
      listener = await pipeTransport.listen(
        mine,
        options,
        (link) => {
          if (listener !== undefined) waiting.delete(listener);
          onLink(link);
        },
        (error) => {
          if (listener !== undefined) waiting.delete(listener);
          // Who gave up while it was being handed its ends.
          if (error.reason !== 'PEER_DIED') onError(error);
        },
      );
      listener.unref();
      waiting.add(listener);
      try {
        native.sendWithFds(socket, byte, 0, 1, [theirInput, theirOutput]);
      } catch {
        // It has gone again.
      }
      for (const fd of [theirInput, theirOutput, socket]) fd.close();
      if (!open) void listener.close();
    };
    const watcher = native.createWatcher(bound, () => {
      try {
        for (let socket = native.acceptUnix(bound); socket !== null; socket = native.acceptUnix(bound)) {
          void handOver(socket);
        }
      } catch (error) {
        onError(fromErrno(error, 'cannot hand over'));
      }
    });
    watcher.watch(READABLE);
    return {
      url: address.url,
      async close() {
        if (!open) return;
        open = false;
        remove();
        bound.close();
        for (const listener of waiting) void listener.close();
      },
      ref: () => watcher.ref(),
      unref: () => watcher.unref(),
    };
  },
};
