import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { type Address, describeFile, directionMismatch } from '@callgate/core/transport';
import { beginsNote } from './note.js';

type Code = ConstructorParameters<typeof RpcError>[0];

function fail(address: Address, code: Code, reason: string, why: string, cause?: unknown): RpcError {
  return new RpcError(code, `cannot connect to ${address.url}: ${why}`, { reason, failed: 'channel', cause });
}

/** Why the server's fifo could not be opened, in words that help: what is there, who may use it, what to do. */
export function openFailure(cause: unknown, address: Address, path: string): RpcError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  switch (code) {
    case 'ENOENT':
      return fail(
        address,
        'UNAVAILABLE',
        Reason.UNREACHABLE,
        `there is no fifo ${path}; is the server running?`,
        cause,
      );
    case 'ENXIO':
      return serverGone(address, path, cause);
    case 'EINVAL':
    case 'ELOOP': {
      const found = lstatSync(path, { throwIfNoEntry: false });
      const what = found === undefined ? 'something else' : describeFile(found);
      return fail(address, 'INVALID_ARGUMENT', Reason.BAD_ADDRESS, `${path} is ${what}, not a fifo`, cause);
    }
    case 'EACCES':
    case 'EPERM':
      return fail(
        address,
        'PERMISSION_DENIED',
        Reason.NOT_ALLOWED,
        `${mayNot()} write to ${path}${owner(path)}`,
        cause,
      );
    case 'ENOTDIR':
      return fail(address, 'INVALID_ARGUMENT', Reason.BAD_ADDRESS, `a part of ${path} is not a directory`, cause);
    default:
      return fromErrno(cause, `cannot connect to ${address.url}`);
  }
}

/** Why a client could not make the two fifos that it needs. */
export function makeFailure(cause: unknown, address: Address, path: string): RpcError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  const what = "this client's own two fifos beside the server's";
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') {
    return fromErrno(cause, `cannot connect to ${address.url}: cannot make ${what}`);
  }
  const folder = dirname(path);
  const why = `${mayNot()} make ${what} in ${folder}${owner(folder)}`;
  return fail(address, 'PERMISSION_DENIED', Reason.NOT_ALLOWED, why, cause);
}

export function serverGone(address: Address, path: string, cause?: unknown): RpcError {
  const why = `nobody reads ${path}: the server that made this fifo has ended, or is just starting`;
  return fail(address, 'UNAVAILABLE', Reason.UNREACHABLE, why, cause);
}

/** The server could not open what the client has made; it would never answer. */
export function shutOut(address: Address, server: number, mode: number): RpcError {
  const why = `its server runs as uid ${server} and may not open the fifos that uid ${process.geteuid?.()} makes with mode 0${mode.toString(8)}: give both sides a mode such as 0o660, and a common group`;
  return fail(address, 'PERMISSION_DENIED', Reason.NOT_ALLOWED, why);
}

export function late(address: Address): RpcError {
  return fail(address, 'DEADLINE_EXCEEDED', Reason.DEADLINE, 'the deadline passed first');
}

/** What a stranger wrote to a server's fifo; `beginning`: the first bytes of it. */
export function strange(path: string, url: string, beginning: Buffer): RpcError {
  if (beginsNote(beginning)) return directionMismatch(url, 'send', 'duplex');
  const hex = beginning.toString('hex').replace(/..(?=.)/g, '$& ');
  const text = beginning.toString('latin1').replace(/[^ -~]/g, '.');
  const message = `somebody wrote to ${path} what no client of ${url} writes: it began with ${hex} ("${text}"); it was skipped`;
  return new RpcError('DATA_LOSS', message, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
}

function mayNot(): string {
  return `uid ${process.geteuid?.()} may not`;
}

function owner(path: string): string {
  try {
    const { uid, gid, mode } = lstatSync(path);
    return ` (it belongs to uid ${uid}, gid ${gid}, and its mode is 0${(mode & 0o777).toString(8)})`;
  } catch {
    return ' (nor look into its directory)';
  }
}
