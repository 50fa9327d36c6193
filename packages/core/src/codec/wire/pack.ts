/**
 * Values that are checked and written at once, for messages whose size need not be known before they are written. `bound…`
 * tells the most bytes that a value takes, and not a number where only `size…` can say what is wrong with it.
 */
import { sizeBytes, writeBytes } from './bytes.js';
import { sizeDouble, sizeFixed32, sizeFloat, sizeSfixed32, writeDouble, writeFixed32, writeFloat } from './fixed.js';
import { checkInt32, checkUint32, sizeBool, sizeEnum, writeInt32, writeSint32 } from './int32.js';
import {
  sizeFixed64,
  sizeInt64,
  sizeSfixed64,
  sizeSint64,
  sizeUint64,
  writeFixed64,
  writeInt64,
  writeSfixed64,
  writeSint64,
  writeUint64,
} from './int64.js';
import { SHORT_TO_WRITE, sizeString, writeString } from './text.js';
import { writeVarint } from './varint.js';

/** Bytes of the longest length in front of something. */
const LENGTH_BYTES = 5;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const UNIT_BYTES = 3;

export function boundString(value: string): number {
  return typeof value === 'string' ? LENGTH_BYTES + UNIT_BYTES * value.length : Number.NaN;
}

export function boundBytes(value: Uint8Array): number {
  return LENGTH_BYTES + (value?.length ?? Number.NaN);
}

/** Of a message inside another: what its own function says, with its length in front. */
export function boundDelimited(bound: number): number {
  return LENGTH_BYTES + bound;
}

export function packString(value: string, bytes: Buffer, pos: number, field: string): number {
  if (typeof value === 'string' && value.length <= SHORT_TO_WRITE) {
    const { length } = value;
    let i = 0;
    for (; i < length; i++) {
      const char = value.charCodeAt(i);
      if (char > 127) break;
      bytes[pos + 1 + i] = char;
    }
    if (i === length) {
      bytes[pos] = length;
      return pos + 1 + length;
    }
  }
  sizeString(value, field);
  return writeString(value, bytes, pos);
}

export function packBytes(value: Uint8Array, bytes: Buffer, pos: number, field: string): number {
  sizeBytes(value, field);
  return writeBytes(value, bytes, pos);
}

export function packInt32(value: number, bytes: Buffer, pos: number, field: string): number {
  checkInt32(value, field);
  return writeInt32(value, bytes, pos);
}

export function packUint32(value: number, bytes: Buffer, pos: number, field: string): number {
  checkUint32(value, field);
  return writeVarint(value, bytes, pos);
}

export function packSint32(value: number, bytes: Buffer, pos: number, field: string): number {
  checkInt32(value, field);
  return writeSint32(value, bytes, pos);
}

export function packEnum(value: number, bytes: Buffer, pos: number, field: string): number {
  sizeEnum(value, field);
  return writeInt32(value, bytes, pos);
}

export function packBool(value: boolean, bytes: Buffer, pos: number, field: string): number {
  sizeBool(value, field);
  bytes[pos] = value ? 1 : 0;
  return pos + 1;
}

export function packFixed32(value: number, bytes: Buffer, pos: number, field: string): number {
  sizeFixed32(value, field);
  return writeFixed32(value, bytes, pos);
}

export function packSfixed32(value: number, bytes: Buffer, pos: number, field: string): number {
  sizeSfixed32(value, field);
  return writeFixed32(value, bytes, pos);
}

export function packFloat(value: number, bytes: Buffer, pos: number, field: string): number {
  sizeFloat(value, field);
  return writeFloat(value, bytes, pos);
}

export function packDouble(value: number, bytes: Buffer, pos: number, field: string): number {
  sizeDouble(value, field);
  return writeDouble(value, bytes, pos);
}

export function packInt64(value: bigint, bytes: Buffer, pos: number, field: string): number {
  sizeInt64(value, field);
  return writeInt64(value, bytes, pos);
}

export function packUint64(value: bigint, bytes: Buffer, pos: number, field: string): number {
  sizeUint64(value, field);
  return writeUint64(value, bytes, pos);
}

export function packSint64(value: bigint, bytes: Buffer, pos: number, field: string): number {
  sizeSint64(value, field);
  return writeSint64(value, bytes, pos);
}

export function packFixed64(value: bigint, bytes: Buffer, pos: number, field: string): number {
  sizeFixed64(value, field);
  return writeFixed64(value, bytes, pos);
}

export function packSfixed64(value: bigint, bytes: Buffer, pos: number, field: string): number {
  sizeSfixed64(value, field);
  return writeSfixed64(value, bytes, pos);
}
