import type { CodeName } from './code.js';
import { Reason } from './reason.js';
import { RpcError, type RpcErrorOptions } from './rpc-error.js';

/** The one place where a system error becomes a status code. Source: errno(3). */
const table: Readonly<Record<string, readonly [CodeName, string]>> = {
  ENOENT: ['UNAVAILABLE', Reason.UNREACHABLE],
  ECONNREFUSED: ['UNAVAILABLE', Reason.UNREACHABLE],
  ENOTSOCK: ['UNAVAILABLE', Reason.UNREACHABLE],
  ENETUNREACH: ['UNAVAILABLE', Reason.UNREACHABLE],
  EHOSTUNREACH: ['UNAVAILABLE', Reason.UNREACHABLE],
  EADDRINUSE: ['ALREADY_EXISTS', Reason.ADDRESS_IN_USE],
  EEXIST: ['ALREADY_EXISTS', Reason.ADDRESS_IN_USE],
  EBUSY: ['ALREADY_EXISTS', Reason.ADDRESS_IN_USE],
  EACCES: ['PERMISSION_DENIED', Reason.NOT_ALLOWED],
  EPERM: ['PERMISSION_DENIED', Reason.NOT_ALLOWED],
  ECONNRESET: ['UNAVAILABLE', Reason.PEER_DIED],
  EPIPE: ['UNAVAILABLE', Reason.PEER_DIED],
  ENAMETOOLONG: ['INVALID_ARGUMENT', Reason.BAD_ADDRESS],
  EINVAL: ['INVALID_ARGUMENT', Reason.BAD_OPTION],
  ENOTDIR: ['INVALID_ARGUMENT', Reason.BAD_ADDRESS],
  EMSGSIZE: ['RESOURCE_EXHAUSTED', Reason.MESSAGE_TOO_LARGE],
  EMFILE: ['RESOURCE_EXHAUSTED', 'TOO_MANY_FILES'],
  ENFILE: ['RESOURCE_EXHAUSTED', 'TOO_MANY_FILES'],
  // Too many descriptors of this user are under way and not received yet.
  ETOOMANYREFS: ['RESOURCE_EXHAUSTED', 'TOO_MANY_FILES'],
  ENOMEM: ['RESOURCE_EXHAUSTED', 'NO_MEMORY'],
  ENOSPC: ['RESOURCE_EXHAUSTED', 'NO_SPACE'],
  ETIMEDOUT: ['DEADLINE_EXCEEDED', Reason.DEADLINE],
};

/** Turns a thrown system error (`error.code` such as `ECONNREFUSED`) into an RpcError; `doing` says what was tried. */
export function fromErrno(error: unknown, doing: string, options: RpcErrorOptions = {}): RpcError {
  if (RpcError.is(error)) return error;
  const errno = (error as NodeJS.ErrnoException | null)?.code;
  const [code, reason] = (errno !== undefined && table[errno]) || (['UNKNOWN', 'SYSTEM_ERROR'] as const);
  const detail = error instanceof Error ? error.message : String(error);
  return new RpcError(code, `${doing}: ${detail}`, { failed: 'channel', reason, cause: error, ...options });
}
