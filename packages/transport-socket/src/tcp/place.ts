import { isIPv6 } from 'node:net';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { type Address, badAddress } from '@callgate/core/transport';

/** Where a server is met. */
export interface Place {
  /** A name, or a numeric address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A host that is in brackets, or without colons; then the port. */
const placed = /^(?:(?:\[([^[\]/]*)\]|([^[\]:/]*)):)?([0-9]{1,5})$/;
const DEFAULT_HOST = '127.0.0.1';

/**
 * The place of `tcp://127.0.0.1:7000`, `tcp:localhost:7000`, `tcp:[::1]:7000` or `tcp:7000`, which is 127.0.0.1. Throws
 * INVALID_ARGUMENT (BAD_ADDRESS).
 */
export function placeOf({ path, url, scheme }: Address): Place {
  const expected = `expected ${scheme}:<host>:<port>, such as ${scheme}:127.0.0.1:7000, ${scheme}:[::1]:7000 or ${scheme}:7000`;
  const match = placed.exec(path);
  if (match === null) {
    if (path.includes('/')) throw badAddress(url, `a path means nothing here; ${expected}`);
    if (isIPv6(path) || isIPv6(path.replace(/:[0-9]*$/, '')))
      throw badAddress(url, `an IPv6 address must stand in brackets; ${expected}`);
    throw badAddress(url, `found no port; ${expected}`);
  }
  const [, bracketed, named, digits] = match;
  const port = Number(digits);
  if (port > 65_535) throw badAddress(url, `port ${digits} is over 65535`);
  if (bracketed !== undefined && !isIPv6(bracketed))
    throw badAddress(url, `"${bracketed}" in brackets is not an IPv6 address`);
  const host = bracketed ?? named ?? DEFAULT_HOST;
  if (host === '') throw badAddress(url, `the host is missing; ${expected}`);
  return { host, port };
}

/** As `placeOf`, for who connects: port 0 leads nowhere. */
export function calledPlaceOf(address: Address): Place {
  const place = placeOf(address);
  if (place.port !== 0) return place;
  throw badAddress(address.url, 'port 0 has the system choose, for a server only; connect to the URL of its listener');
}

export function urlOf({ host, port }: Place, scheme = 'tcp'): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** See `Transport.meetingPlace`. Whoever listens everywhere is met at the loopback address, too. */
export function meetingPlace(address: Address): string {
  const { host, port } = placeOf(address);
  return urlOf({ host: LOOPBACK[host] ?? host, port }, address.scheme);
}

const LOOPBACK: Readonly<Record<string, string>> = {
  localhost: '127.0.0.1',
  '0.0.0.0': '127.0.0.1',
  '::': '::1',
};

/** The error for a host name of which the system knows no address. */
export function unresolvable(address: Address, host: string, cause?: unknown): RpcError {
  return new RpcError('UNAVAILABLE', `the name "${host}" of ${address.url} cannot be resolved to an address`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
    cause,
  });
}

export function listenFailure(error: unknown, address: Address): RpcError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')
    return badAddress(address.url, 'no network interface of this machine has this address');
  return fromErrno(error, `cannot listen at ${address.url}`);
}

export function connectFailure(error: unknown, address: Address): RpcError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const fail = (why: string): RpcError =>
    new RpcError('UNAVAILABLE', `cannot connect to ${address.url}: ${why}`, {
      reason: Reason.UNREACHABLE,
      failed: 'channel',
      cause: error,
    });
  if (code === 'ECONNREFUSED') return fail('nobody listens there; is the server running?');
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return fail('this machine has no way to such an address');
  return fromErrno(error, `cannot connect to ${address.url}`);
}

/** Addresses, as `host:port`, at which this thread listens. */
const served = new Map<string, number>();
const keyOf = ({ host, port }: Place): string => `${host} ${port}`;
/** The addresses that stand for all of a machine's. */
const everywhere = ['0.0.0.0', '::'];

/** Returns how to take it back. */
export function markServed(place: Place): () => void {
  const key = keyOf(place);
  served.set(key, (served.get(key) ?? 0) + 1);
  return () => {
    const left = (served.get(key) ?? 1) - 1;
    if (left === 0) served.delete(key);
    else served.set(key, left);
  };
}

/** Whether a blocking client of this numeric place would wait for its own thread. */
export function isServedHere({ host, port }: Place): boolean {
  return [host, ...everywhere].some((at) => served.has(keyOf({ host: at, port })));
}
