import type { Span } from '../../transport/contract.js';

/**
 * What every message on a lossy link has in front of its envelope, little-endian. A call number is the caller's count of
 * what it asks on this link, from 1; it wraps around, and numbers are compared by their distance.
 *
 * ```
 *      0        1        2        3
 *  +--------+--------+--------+--------+
 *  |  magic 0x4c41   |  role  |    0   |   0   'AL'
 *  +--------+--------+--------+--------+
 *  |            call number            |   4   of the asking; an answer repeats it
 *  +--------+--------+--------+--------+
 *  |       oldest number wanted        |   8   ASK: everything below is done with
 *  +--------+--------+--------+--------+
 *  |               about               |  12   ACK: the call id. ASK of a CANCEL: the number of what is cancelled
 *  +--------+--------+--------+--------+
 * ```
 */
export const HEAD_BYTES = 16;
const MAGIC = 0x4c41;

export const Role = {
  /** Belongs to no call. Sent once. */
  PLAIN: 0,
  /** Sent again until it is answered. */
  ASK: 1,
  /** The callee's answer; sent again when the same is asked again. */
  ANSWER: 2,
  /** The callee has it, and the answer is still to come (or, to a one-way call, none will). Nothing else follows. */
  ACK: 3,
} as const;

export function writeHead(
  view: DataView,
  at: number,
  role: number,
  number: number,
  oldest: number,
  about: number,
): void {
  view.setUint32(at, MAGIC | (role << 16), true);
  view.setUint32(at + 4, number, true);
  view.setUint32(at + 8, oldest, true);
  view.setUint32(at + 12, about, true);
}

/** The role of a message; -1 when it has no head. */
export function roleOf({ view, start, end }: Span): number {
  if (end - start < HEAD_BYTES) return -1;
  const first = view.getUint32(start, true);
  return (first & 0xffff) === MAGIC ? first >>> 16 : -1;
}

export function numberOf({ view, start }: Span): number {
  return view.getUint32(start + 4, true);
}

export function oldestOf({ view, start }: Span): number {
  return view.getUint32(start + 8, true);
}

export function aboutOf({ view, start }: Span): number {
  return view.getUint32(start + 12, true);
}

/** How far call number `a` is ahead of `b`; negative when it is behind. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}
