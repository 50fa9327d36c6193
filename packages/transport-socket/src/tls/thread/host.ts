/** On the thread that blocks: the thread that keeps its TLS connections, and what is asked of it. */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { RpcError } from '@callgate/core/errors';
import type { Address, ByteStream, Deadline } from '@callgate/core/transport';
import { late } from '../../tcp/connect.js';
import type { Place } from '../../tcp/place.js';
import type { Entrance } from '../entrance.js';
import type { ResolvedTlsOptions } from '../options.js';
import { currentKeeper, type KeeperThread } from './keeper.js';
import {
  createShared,
  DROP,
  KEEPER_BELL,
  ring,
  type Shared,
  STAGE,
  sharedOver,
  USER_BELL,
  WISH,
  WORKING,
} from './layout.js';
import { type Connected, commonTime, fromPlainError, type Heard } from './messages.js';
import { ThreadStream } from './stream.js';

/** A connection that is being made. */
interface Asked {
  readonly keeper: KeeperThread;
  readonly shared: Shared;
  readonly port: MessagePort;
}

/** A connection to a server whose certificate holds, blocking the thread. Throws what connecting on an event loop rejects with. */
export function connectThereSync(address: Address, options: ResolvedTlsOptions, deadline: Deadline): ThreadStream {
  if (performance.now() >= deadline) throw late(address);
  const asked = ask(address, options, deadline);
  const { words } = asked.shared;
  for (;;) {
    const heard = Atomics.load(words, USER_BELL);
    if (Atomics.load(words, STAGE) !== WORKING) return conclude(asked);
    const left = deadline - performance.now();
    if (left <= 0) break;
    Atomics.wait(words, USER_BELL, heard, left);
  }
  withdraw(asked);
  throw late(address);
}

/** The same on the event loop. */
export async function connectThere(
  address: Address,
  options: ResolvedTlsOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<ThreadStream> {
  signal?.throwIfAborted();
  if (performance.now() >= deadline) throw late(address);
  const asked = ask(address, options, deadline);
  const { words } = asked.shared;
  const wake = (): void => ring(words, USER_BELL);
  signal?.addEventListener('abort', wake);
  asked.keeper.hold();
  try {
    for (;;) {
      const heard = Atomics.load(words, USER_BELL);
      if (signal?.aborted) break;
      if (Atomics.load(words, STAGE) !== WORKING) return conclude(asked);
      const left = deadline - performance.now();
      if (left <= 0) break;
      await Atomics.waitAsync(words, USER_BELL, heard, left).value;
    }
  } finally {
    asked.keeper.letGo();
    signal?.removeEventListener('abort', wake);
  }
  withdraw(asked);
  signal?.throwIfAborted();
  throw late(address);
}

function ask(address: Address, options: ResolvedTlsOptions, deadline: Deadline): Asked {
  const shared = createShared();
  const { port1, port2 } = new MessageChannel();
  const keeper = currentKeeper();
  keeper.add(shared.words);
  const request = { kind: 'connect', url: address.url, options, deadline: commonTime(deadline) } as const;
  keeper.post({ ...request, memory: shared.memory, port: port2 }, [port2]);
  return { keeper, shared, port: port1 };
}

function conclude({ keeper, shared, port }: Asked): ThreadStream {
  const answer = receiveMessageOnPort(port)?.message as Connected | undefined;
  if (answer?.kind === 'open') return streamOver(answer.peer, shared, port, keeper);
  port.close();
  keeper.remove(shared.words);
  throw answer === undefined ? keeperGone() : fromPlainError(answer.error);
}

/** Nobody waits for it any more. */
function withdraw({ keeper, shared, port }: Asked): void {
  Atomics.store(shared.words, WISH, DROP);
  ring(shared.words, KEEPER_BELL);
  port.close();
  keeper.remove(shared.words);
}

function streamOver(peer: ByteStream['peer'], shared: Shared, port: MessagePort, keeper: KeeperThread): ThreadStream {
  return new ThreadStream(peer, shared, port, keeper, () => keeper.remove(shared.words));
}

/** An entrance on the other thread, whose connections can block this one. */
export async function openEntranceThere(
  address: Address,
  options: ResolvedTlsOptions,
  onStream: (stream: ThreadStream) => void,
  onError: (error: RpcError) => void,
): Promise<Omit<Entrance, 'close'> & { close(): Promise<void> }> {
  const { port1: port, port2 } = new MessageChannel();
  const keeper = currentKeeper();
  keeper.add(port);
  const closed = new Promise<void>((resolve) => {
    port.once('close', () => {
      keeper.remove(port);
      resolve();
    });
  });
  let open = true;
  const started = new Promise<{ readonly url: string; readonly place: Place }>((resolve, reject) => {
    port.on('message', (heard: Heard) => {
      if (heard.kind === 'listening') {
        resolve({ url: heard.url, place: { host: heard.host, port: heard.port } });
      } else if (heard.kind === 'failed') {
        reject(fromPlainError(heard.error));
        port.close();
      } else if (heard.kind === 'error') {
        if (open) onError(RpcError.from(fromPlainError(heard.error)));
      } else {
        const shared = sharedOver(heard.memory);
        keeper.add(shared.words);
        const stream = streamOver(heard.peer, shared, heard.port, keeper);
        if (open) onStream(stream);
        else stream.abort();
      }
    });
    void closed.then(() => reject(keeperGone()));
  });
  keeper.post({ kind: 'listen', url: address.url, options, port: port2 }, [port2]);
  const { url, place } = await started;
  return {
    url,
    place,
    async close() {
      open = false;
      port.postMessage('close');
      port.ref();
      await closed;
    },
    ref: () => port.ref(),
    unref: () => port.unref(),
  };
}

function keeperGone(): RpcError {
  const words =
    'the thread of this process that keeps TLS connections for blocking calls could not be started, or has ended';
  return new RpcError('INTERNAL', words, { failed: 'channel' });
}
