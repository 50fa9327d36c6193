import { lstatSync, mkdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fromErrno, Reason, RpcError } from '../errors/index.js';
import { badAddress } from './address.js';
import type { Address } from './contract.js';

/** Bytes of the longest socket path on Linux: 108 with the closing NUL. Source: unix(7). */
export const LONGEST_SOCKET_PATH = 107;

const bareName = /^[A-Za-z0-9._-]+$/;

/**
 * The file at which a Unix socket for this address is met. `unix:/run/geo.sock` is that path; `unix:./geo.sock` is
 * relative to the working directory; the bare name of `unix:geo` becomes `callgate-geo.unix.sock` in this user's own
 * directory: `$XDG_RUNTIME_DIR`, or else `/tmp/callgate-<uid>`, which is made with mode 0700 when missing. Servers and
 * clients both refuse a directory that anybody else could have put a socket into.
 *
 * Throws RpcError INVALID_ARGUMENT (BAD_ADDRESS), PERMISSION_DENIED (NOT_ALLOWED).
 */
export function socketPath(address: Address): string {
  const path = meetingPath(address, '.sock');
  refuseLongPath(address, path);
  return path;
}

function refuseLongPath({ url }: Address, path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= LONGEST_SOCKET_PATH) return;
  throw badAddress(
    url,
    `the socket path has ${bytes} bytes, and the system's limit is ${LONGEST_SOCKET_PATH}: ${path}`,
  );
}

/** As socketPath, for a file of another kind: bare names end in `suffix`, and any path that the system takes will do. */
export function meetingPath(address: Address, suffix: string): string {
  const { path, url, scheme } = address;
  checkMeetingPath(address);
  if (isAbsolute(path)) return path;
  if (isRelative(path)) return resolve(path);
  return join(ownDirectory(url), `callgate-${path}.${scheme}${suffix}`);
}

/** Where a file is met, however its path is spelt: see `Transport.meetingPlace`. */
export function filePlace({ scheme, path }: Address): string {
  return `${scheme}:${isAbsolute(path) || isRelative(path) ? resolve(path) : path}`;
}

/** What `meetingPath` throws for the text of an address: BAD_ADDRESS. Looks at nothing else. */
export function checkMeetingPath({ path, url }: Address): void {
  if (isAbsolute(path) || isRelative(path)) return;
  if (bareName.test(path) && path !== '.' && path !== '..') return;
  throw badAddress(
    url,
    `expected an absolute path, a path that begins with ./ or ../, or a bare name of letters, digits, ".", "_" and "-"; found "${path}"`,
  );
}

/** The same for `socketPath`: how long a path gets is told by an absolute one alone. */
export function checkSocketPath(address: Address): void {
  checkMeetingPath(address);
  if (isAbsolute(address.path)) refuseLongPath(address, address.path);
}

function isRelative(path: string): boolean {
  return path.startsWith('./') || path.startsWith('../');
}

/** The directory of bare names, made when missing, and checked. */
function ownDirectory(url: string): string {
  const uid = process.geteuid?.();
  if (uid === undefined) throw badAddress(url, 'bare names need a system with user ids; give a path');
  const runtime = process.env.XDG_RUNTIME_DIR;
  // The XDG Base Directory Specification has relative paths ignored.
  const directory = runtime !== undefined && isAbsolute(runtime) ? runtime : `/tmp/callgate-${uid}`;
  const origin = directory === runtime ? ' (XDG_RUNTIME_DIR)' : '';
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw fromErrno(error, `cannot make the directory ${directory}${origin} for the address "${url}"`);
    }
  }
  const problem = distrust(directory, uid);
  if (problem !== undefined) {
    throw new RpcError(
      'PERMISSION_DENIED',
      `the directory ${directory}${origin}, where the bare name of "${url}" is looked up, ${problem}; give an absolute path, or set XDG_RUNTIME_DIR to a directory of your own`,
      { reason: Reason.NOT_ALLOWED, failed: 'channel' },
    );
  }
  return directory;
}

/** Why somebody else could have put things there; undefined when nobody can. */
function distrust(directory: string, uid: number): string | undefined {
  // lstat: whoever owns a symbolic link can point it elsewhere at any time.
  const stat = lstatSync(directory);
  if (stat.isSymbolicLink()) return 'is a symbolic link';
  if (!stat.isDirectory()) return 'is not a directory';
  if (stat.uid !== uid) return `belongs to uid ${stat.uid}, not to this process's uid ${uid}`;
  if ((stat.mode & 0o022) !== 0) return `can be written by others (its mode is 0${(stat.mode & 0o777).toString(8)})`;
  return undefined;
}
