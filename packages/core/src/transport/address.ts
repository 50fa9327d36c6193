import { Reason, RpcError } from '../errors/index.js';
import type { Address } from './contract.js';

/** RFC 3986, section 3.1. */
const schemePart = /^([A-Za-z][A-Za-z0-9+.-]*):/;

/**
 * Takes a URL apart: `unix:/run/geo.sock`, `unix:///run/geo.sock` and `unix:geo` are all understood, and `%20` is a
 * space. Throws RpcError INVALID_ARGUMENT (BAD_ADDRESS), saying what is wrong with it.
 */
export function parseAddress(url: string): Address {
  if (typeof url !== 'string')
    throw badAddress(String(url), `expected text, found ${url === null ? 'null' : typeof url}`);
  const match = schemePart.exec(url);
  if (match === null) throw badAddress(url, 'expected <scheme>:<address>, such as unix:/run/geo.sock or shm:geo');
  if (url.includes('?'))
    throw badAddress(url, 'a query ("?…") is not understood here; a "?" of a name must be written %3F');
  if (url.includes('#'))
    throw badAddress(url, 'a fragment ("#…") means nothing here; a "#" of a name must be written %23');
  const rest = url.slice(match[0].length);
  const path = decode(url, rest.startsWith('//') ? rest.slice(2) : rest);
  if (path === '') throw badAddress(url, `nothing follows "${match[0]}"`);
  if (path.includes('\0')) throw badAddress(url, 'an address cannot contain a NUL character');
  return Object.freeze({ url, scheme: match[1]!.toLowerCase(), path });
}

/** An RpcError INVALID_ARGUMENT (BAD_ADDRESS). */
export function badAddress(url: string, why: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `bad address "${url}": ${why}`, {
    reason: Reason.BAD_ADDRESS,
    failed: 'channel',
  });
}

function decode(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badAddress(url, 'a "%" must be followed by two hexadecimal digits (and be written %25 to mean itself)');
  }
}
