/** Between the 32 bits of a notification and the protobuf message that has them as its only field. */
import type { ValueType } from '../transport/notification.js';

const VARINT = 0;
const FIXED = 5;

/** Bytes of the longest such message: a tag of at most 5 bytes, a varint of at most 10. */
export const LONGEST_PAYLOAD = 15;

const fixed: ReadonlySet<ValueType> = new Set(['fixed32', 'sfixed32', 'float']);

/**
 * The 32 bits of the message in `bytes[start, end)`, of a value of that type; undefined when it has no such single
 * field. A field that is left out has the value 0.
 */
export function valueIn(type: ValueType | undefined, bytes: Buffer, start: number, end: number): number | undefined {
  if (start === end) return 0;
  if (type === undefined) return undefined;
  const tag = readVarint(bytes, start, end);
  if (tag === undefined || (tag.low & 7) !== (fixed.has(type) ? FIXED : VARINT)) return undefined;
  if (fixed.has(type)) return end - tag.at === 4 ? bytes.readUInt32LE(tag.at) : undefined;
  const found = readVarint(bytes, tag.at, end);
  if (found?.at !== end) return undefined;
  const { low } = found;
  return (type === 'sint32' ? (low >>> 1) ^ -(low & 1) : low) >>> 0;
}

/** Writes the message; returns its end. Needs LONGEST_PAYLOAD bytes. */
export function writeValue(type: ValueType, field: number, value: number, bytes: Buffer, start: number): number {
  const at = writeVarint(bytes, start, ((field << 3) | (fixed.has(type) ? FIXED : VARINT)) >>> 0);
  if (fixed.has(type)) return bytes.writeUInt32LE(value >>> 0, at);
  const signed = value | 0;
  if (type === 'sint32') return writeVarint(bytes, at, ((signed << 1) ^ (signed >> 31)) >>> 0);
  if (type === 'bool') return writeVarint(bytes, at, value === 0 ? 0 : 1);
  const wide = (type === 'int32' || type === 'enum') && signed < 0;
  return wide ? writeNegative(bytes, at, signed) : writeVarint(bytes, at, value >>> 0);
}

/** The low 32 bits of a varint, and where it ends. */
function readVarint(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly low: number; readonly at: number } | undefined {
  let low = 0;
  for (let at = start, shift = 0; at < end && shift < 70; at++, shift += 7) {
    const byte = bytes[at]!;
    if (shift < 32) low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { low: low >>> 0, at: at + 1 };
  }
  return undefined;
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) {
      bytes[at++] = left;
      return at;
    }
    bytes[at++] = (left & 0x7f) | 0x80;
  }
}

/** As the 64 bits into which protobuf extends a negative int32. */
function writeNegative(bytes: Buffer, start: number, value: number): number {
  let at = start;
  for (let shift = 0; shift < 28; shift += 7) bytes[at++] = ((value >> shift) & 0x7f) | 0x80;
  // Bits 28 to 34: four of the value, three of the sign.
  bytes[at++] = ((value >> 28) & 0x7f) | 0x80;
  for (let i = 0; i < 4; i++) bytes[at++] = 0xff;
  bytes[at++] = 0x01;
  return at;
}
