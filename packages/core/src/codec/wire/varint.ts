/**
 * Variable-length integers, least significant group first:
 *
 *     byte 0          byte 1          …   byte 9 (at most)
 *     ┌─┬───────┐     ┌─┬───────┐
 *     │1│ bits  │     │0│ bits  │         the top bit says that another byte follows
 *     │ │ 0 … 6 │     │ │ 7 … 13│
 *     └─┴───────┘     └─┴───────┘
 *
 * Source: https://protobuf.dev/programming-guides/encoding/#varints
 *
 * Every reader takes `bytes[pos, end)` and leaves the offset behind what it read in `cursor.pos`: a second result
 * without an allocation. Only the caller's next statement may rely on it.
 */
import { undecodable } from './faults.js';

/** Where the last reader stopped. Not for keeping: the next reader overwrites it. */
export const cursor = { pos: 0 };

/** Bytes of an unsigned 32-bit varint: 1 … 5. */
export function sizeVarint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes an unsigned 32-bit integer; returns the offset behind it. */
export function writeVarint(value: number, bytes: Buffer, pos: number): number {
  while (value > 127) {
    bytes[pos++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[pos] = value;
  return pos + 1;
}

/** The low 32 bits of a varint, unsigned. What is above them is dropped, as protobuf does for its 32-bit types. */
export function readVarint(bytes: Buffer, pos: number, end: number, field: string): number {
  if (pos < end) {
    const byte = bytes[pos]!;
    if (byte < 128) {
      cursor.pos = pos + 1;
      return byte;
    }
  }
  return readLongVarint(bytes, pos, end, field);
}

function readLongVarint(bytes: Buffer, pos: number, end: number, field: string): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = byteAt(bytes, pos++, end, field);
    if (shift < 35) value |= (byte & 127) << shift;
    if (byte < 128) {
      cursor.pos = pos;
      return value >>> 0;
    }
  }
  throw undecodable(field, 'a varint is longer than 10 bytes');
}

/** Where `skipVarint` ends; the value is not looked at. */
export function skipVarint(bytes: Buffer, pos: number, end: number, field: string): number {
  for (let count = 0; count < 10; count++) {
    if (byteAt(bytes, pos++, end, field) < 128) return pos;
  }
  throw undecodable(field, 'a varint is longer than 10 bytes');
}

/** A field's tag: number times 8 plus wire type, an unsigned 32-bit varint of at most 5 bytes. */
export function readTag(bytes: Buffer, pos: number, end: number, typeName: string): number {
  return readBounded(bytes, pos, end, 15, typeName, 'a field number is larger than 2^29 - 1');
}

/**
 * Reads the length in front of a string, bytes, message or packed list. Returns the offset where the content ends,
 * which is inside the span; `cursor.pos` is where it starts.
 */
export function readLength(bytes: Buffer, pos: number, end: number, field: string): number {
  let length = pos < end ? bytes[pos]! : 128;
  if (length < 128) cursor.pos = pos + 1;
  else length = readBounded(bytes, pos, end, 7, field, 'a length is larger than 2 GiB');
  const contentEnd = cursor.pos + length;
  if (contentEnd > end) throw truncated(field);
  return contentEnd;
}

/** A varint of at most 5 bytes, the fifth at most `most`. */
function readBounded(bytes: Buffer, pos: number, end: number, most: number, where: string, problem: string): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = byteAt(bytes, pos++, end, where);
    if (shift === 28 && byte > most) break;
    value |= (byte & 127) << shift;
    if (byte < 128) {
      cursor.pos = pos;
      return value >>> 0;
    }
  }
  throw undecodable(where, problem);
}

/** One byte of the span, or an error where the span ends. */
export function byteAt(bytes: Buffer, pos: number, end: number, where: string): number {
  if (pos >= end) throw truncated(where);
  return bytes[pos]!;
}

export function truncated(where: string) {
  return undecodable(where, 'the message ends in the middle of it');
}
