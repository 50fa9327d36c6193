import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  bindSocketFile,
  createGatekeeper,
  type Link,
  type Listener,
  socketPath,
} from '@callgate/core/transport';
import { connectNodeSocket, NodeStream } from '../node-stream.js';
import { urlOf } from './listen.js';
import type { ResolvedUnixOptions } from './options.js';

/** How long, in ms, to wait for an answer from whoever may be at the address already. */
const ANSWER_MS = 1000;

/** Listens without the native addon: without credentials, and without a lock against others that start this moment. */
export async function listenWithoutAddon(
  address: Address,
  options: ResolvedUnixOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const path = socketPath(address);
  const server = createServer();
  const { remove } = await bindSocketFile(address, path, {
    lock: undefined,
    inUse: answers,
    bind: (at) => bind(server, at, options),
  });
  const url = urlOf(address, path);
  const gatekeeper = createGatekeeper(url, options, onLink, onError);
  server.on('error', (error) => onError(fromErrno(error, `cannot accept a connection at ${url}`)));
  server.on('connection', (socket) => gatekeeper.admit(new NodeStream(socket, { address: url })));
  let open = true;
  return {
    url,
    async close() {
      if (!open) return;
      open = false;
      remove();
      server.close();
      gatekeeper.close();
    },
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  };
}

async function answers(path: string): Promise<boolean> {
  try {
    const socket = await connectNodeSocket({ path }, performance.now() + ANSWER_MS);
    socket.destroy();
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    if (code === 'ETIMEDOUT' || code === 'EAGAIN' || code === 'EPROTOTYPE') return true;
    throw error;
  }
}

function bind(server: Server, path: string, { mode, backlog }: ResolvedUnixOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      chmodSync(path, mode);
      resolve();
    });
    withinMode(mode, () => server.listen({ path, backlog, exclusive: true }));
  });
}

/** The socket file gets the permissions that the umask leaves, until they are set: it must leave none too many. */
function withinMode(mode: number, listen: () => void): void {
  if (isMainThread) {
    const before = process.umask(0o777 & ~mode);
    try {
      listen();
    } finally {
      process.umask(before);
    }
  } else if ((0o777 & ~process.umask() & 0o222 & ~mode) === 0) {
    listen();
  } else {
    const why = `a worker thread without the native addon cannot make a socket file with mode 0${mode.toString(8)}, since the process's umask allows more`;
    throw new RpcError('FAILED_PRECONDITION', why, { reason: Reason.UNSUPPORTED, failed: 'channel' });
  }
}
