/** The thread that keeps TLS connections for a thread that blocks: node:tls lives on an event loop, and this is it. */
import { readlinkSync } from 'node:fs';
import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { parseAddress } from '@callgate/core/transport';
import { openEntrance } from '../entrance.js';
import { resolveTlsOptions } from '../options.js';
import { throughTls } from '../through-tls.js';
import { Bridge } from './bridge.js';
import type { KeeperData } from './keeper.js';
import {
  createShared,
  DROP,
  KEEPER_BELL,
  RELEASED,
  ring,
  type Shared,
  STAGE,
  sharedOver,
  USER_BELL,
  WISH,
} from './layout.js';
import { type Connected, type Heard, ownTime, type Request, toPlainError } from './messages.js';

const user = parentPort!;
/** What is not released yet. */
let open = 0;
let ending = false;

function released(): void {
  open--;
  if (ending && open === 0) user.close();
}

async function connect({ url, options, deadline, memory, port }: Extract<Request, { kind: 'connect' }>): Promise<void> {
  const shared = sharedOver(memory);
  const { words } = shared;
  const connecting = dropped(shared);
  try {
    const until = ownTime(deadline);
    const bridge = (stream: ConstructorParameters<typeof Bridge>[0]): void => {
      port.postMessage({ kind: 'open', peer: stream.peer } satisfies Connected);
      new Bridge(stream, shared, port, released);
    };
    await throughTls(parseAddress(url), resolveTlsOptions(options), until, connecting.signal, bridge);
  } catch (error) {
    port.postMessage({ kind: 'failed', error: toPlainError(error) } satisfies Connected);
    Atomics.store(words, STAGE, RELEASED);
    ring(words, USER_BELL);
    released();
  } finally {
    connecting.done();
  }
}

/** A signal that fires when the user gives up while a connection is being made. */
function dropped({ words }: Shared) {
  const controller = new AbortController();
  let done = false;
  const listen = async (): Promise<void> => {
    while (!done) {
      const heard = Atomics.load(words, KEEPER_BELL);
      if (Atomics.load(words, WISH) === DROP) {
        controller.abort();
        return;
      }
      await Atomics.waitAsync(words, KEEPER_BELL, heard).value;
    }
  };
  void listen();
  return {
    signal: controller.signal,
    done: () => {
      done = true;
      ring(words, KEEPER_BELL);
    },
  };
}

async function listen({ url, options, port }: Extract<Request, { kind: 'listen' }>): Promise<void> {
  const say = (heard: Heard, transfer: readonly MessagePort[] = []): void => port.postMessage(heard, transfer);
  port.once('close', released);
  try {
    const entrance = await openEntrance(
      parseAddress(url),
      resolveTlsOptions(options),
      (stream) => {
        open++;
        const shared = createShared();
        const { port1, port2 } = new MessageChannel();
        new Bridge(stream, shared, port1, released);
        say({ kind: 'stream', peer: stream.peer, memory: shared.memory, port: port2 }, [port2]);
      },
      (error) => say({ kind: 'error', error: toPlainError(error) }),
    );
    port.once('message', () => {
      entrance.close();
      port.close();
    });
    say({ kind: 'listening', url: entrance.url, ...entrance.place });
  } catch (error) {
    say({ kind: 'failed', error: toPlainError(error) });
  }
}

user.on('message', (request: Request) => {
  if (request.kind === 'end') {
    ending = true;
    open++;
    released();
    return;
  }
  open++;
  void (request.kind === 'connect' ? connect(request) : listen(request));
});

try {
  const number = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  Atomics.store(new Int32Array((workerData as KeeperData).thread), 0, number);
} catch {
  // Its user can't tell then whether it still lives.
}
