import { lstatSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fromErrno, Reason, RpcError } from '../errors/index.js';
import type { Address, Deadline } from './contract.js';
import { selfDeadlock } from './ends.js';
import { describeFile, isServedHere } from './socket-file.js';

/** Between two tries while the server's queue of connections is full: a non-blocking connect cannot be waited for. */
const FIRST_RETRY_MS = 1;
const LONGEST_RETRY_MS = 50;

/**
 * Connects to a socket file without blocking the thread. `connect` is tried once at least, and again while it throws
 * EAGAIN or ETIMEDOUT: the queue of the listener is full. Rejects with an RpcError, or the signal's reason.
 */
export async function connectSocketFile<T>(
  address: Address,
  path: string,
  connect: (path: string) => T | Promise<T>,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<T> {
  for (let pause = FIRST_RETRY_MS; ; pause = Math.min(2 * pause, LONGEST_RETRY_MS)) {
    signal?.throwIfAborted();
    if (performance.now() >= deadline) throw late(address);
    try {
      return await connect(path);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isQueueFull(error)) throw connectFailure(error, address, path);
    }
    try {
      await setTimeout(Math.max(Math.min(pause, deadline - performance.now()), 0), undefined, { signal });
    } catch {
      signal?.throwIfAborted();
    }
  }
}

/**
 * As connectSocketFile, blocking the thread: `connect` waits for at most `timeoutMs` and then throws ETIMEDOUT. Throws
 * FAILED_PRECONDITION (SELF_DEADLOCK) when this thread listens there.
 */
export function connectSocketFileSync<T>(
  address: Address,
  path: string,
  connect: (path: string, timeoutMs: number) => T,
  deadline: Deadline,
): T {
  if (isServedHere(path)) throw selfDeadlock(address.url);
  const left = deadline - performance.now();
  if (left <= 0) throw late(address);
  try {
    return connect(path, left);
  } catch (error) {
    throw isQueueFull(error) ? late(address) : connectFailure(error, address, path);
  }
}

function isQueueFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'EAGAIN' || code === 'ETIMEDOUT';
}

function late(address: Address): RpcError {
  return new RpcError('DEADLINE_EXCEEDED', `cannot connect to ${address.url}: the deadline passed first`, {
    reason: Reason.DEADLINE,
    failed: 'channel',
  });
}

/** Why a connection to a socket file failed, in words that help: what is there, who may use it, what to do. */
function connectFailure(cause: unknown, address: Address, path: string): RpcError {
  const doing = `cannot connect to ${address.url}`;
  const fail = (
    code: 'UNAVAILABLE' | 'PERMISSION_DENIED' | 'INVALID_ARGUMENT',
    reason: string,
    why: string,
  ): RpcError => new RpcError(code, `${doing}: ${why}`, { reason, failed: 'channel', cause });
  switch ((cause as NodeJS.ErrnoException | null)?.code) {
    case 'ENOENT':
      return fail('UNAVAILABLE', Reason.UNREACHABLE, `there is no socket file ${path}; is the server running?`);
    case 'ECONNREFUSED': {
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found !== undefined && !found.isSocket() && !found.isSymbolicLink()) {
        return fail('INVALID_ARGUMENT', Reason.BAD_ADDRESS, `${path} is ${describeFile(found)}, not a socket`);
      }
      const why = `nobody listens at ${path}: the server that made this socket file has ended, or is just starting`;
      return fail('UNAVAILABLE', Reason.UNREACHABLE, why);
    }
    case 'EACCES':
    case 'EPERM':
      return fail(
        'PERMISSION_DENIED',
        Reason.NOT_ALLOWED,
        `uid ${process.geteuid?.()} may not use ${path}${owner(path)}`,
      );
    case 'EPROTOTYPE':
      return fail('INVALID_ARGUMENT', Reason.BAD_ADDRESS, `${path} is a socket of another kind, not a stream`);
    case 'ENOTDIR':
      return fail('INVALID_ARGUMENT', Reason.BAD_ADDRESS, `a part of ${path} is not a directory`);
    default:
      return fromErrno(cause, doing);
  }
}

function owner(path: string): string {
  try {
    const { uid, gid, mode } = lstatSync(path);
    return ` (it belongs to uid ${uid}, gid ${gid}, and its mode is 0${(mode & 0o777).toString(8)})`;
  } catch {
    return ' (nor look into its directory)';
  }
}
