import { crc32 } from 'node:zlib';

/**
 * The id of a method where no greeting tells one: CRC-32 of its path (`geo.Geo/LookUp`, UTF-8), so that both sides
 * compute it alone, in any language. A server has no two methods with the same id: it refuses to.
 * Source: RFC 1952, section 8, for the polynomial.
 */
export function methodIdOf(path: string): number {
  return crc32(path);
}

/** As messages show it. */
export function describeMethodId(id: number): string {
  return `0x${id.toString(16).padStart(8, '0')}`;
}
