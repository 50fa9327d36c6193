/** 32-bit integers, booleans and enums. `size…` checks the value; `write…` trusts it; `read…` leaves `cursor.pos`. */
import { undecodable, unencodable } from './faults.js';
import { byteAt, cursor, readVarint, sizeVarint, writeVarint } from './varint.js';

const INT32 = 'an integer from -2147483648 to 2147483647';
const UINT32 = 'an integer from 0 to 4294967295';

export function checkInt32(value: number, field: string): void {
  if (typeof value !== 'number' || (value | 0) !== value) throw unencodable(field, INT32, value);
}

export function checkUint32(value: number, field: string): void {
  if (typeof value !== 'number' || value >>> 0 !== value) throw unencodable(field, UINT32, value);
}

export function sizeInt32(value: number, field: string): number {
  checkInt32(value, field);
  return value < 0 ? 10 : sizeVarint(value);
}

/** A negative number takes 10 bytes: it is sign-extended to 64 bits. */
export function writeInt32(value: number, bytes: Buffer, pos: number): number {
  if (value >= 0) return writeVarint(value, bytes, pos);
  bytes[pos] = (value & 127) | 128;
  bytes[pos + 1] = ((value >> 7) & 127) | 128;
  bytes[pos + 2] = ((value >> 14) & 127) | 128;
  bytes[pos + 3] = ((value >> 21) & 127) | 128;
  bytes[pos + 4] = ((value >> 28) & 127) | 128;
  bytes[pos + 5] = 255;
  bytes[pos + 6] = 255;
  bytes[pos + 7] = 255;
  bytes[pos + 8] = 255;
  bytes[pos + 9] = 1;
  return pos + 10;
}

export function readInt32(bytes: Buffer, pos: number, end: number, field: string): number {
  return readVarint(bytes, pos, end, field) | 0;
}

export function sizeUint32(value: number, field: string): number {
  checkUint32(value, field);
  return sizeVarint(value);
}

export const writeUint32 = writeVarint;
export const readUint32 = readVarint;

/** Zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 …, so that small negative numbers are short. */
export function sizeSint32(value: number, field: string): number {
  checkInt32(value, field);
  return sizeVarint(((value << 1) ^ (value >> 31)) >>> 0);
}

export function writeSint32(value: number, bytes: Buffer, pos: number): number {
  return writeVarint(((value << 1) ^ (value >> 31)) >>> 0, bytes, pos);
}

export function readSint32(bytes: Buffer, pos: number, end: number, field: string): number {
  const value = readVarint(bytes, pos, end, field);
  return (value >>> 1) ^ -(value & 1);
}

/** Enums are int32 on the wire; numbers that the schema does not name are carried all the same. */
export function sizeEnum(value: number, field: string): number {
  if (typeof value !== 'number' || (value | 0) !== value) throw unencodable(field, 'an enum number', value);
  return value < 0 ? 10 : sizeVarint(value);
}

export const writeEnum = writeInt32;
export const readEnum = readInt32;

export function sizeBool(value: boolean, field: string): number {
  if (typeof value !== 'boolean') throw unencodable(field, 'a boolean', value);
  return 1;
}

export function writeBool(value: boolean, bytes: Buffer, pos: number): number {
  bytes[pos] = value ? 1 : 0;
  return pos + 1;
}

/** Any bit set, in up to 10 bytes, is true. */
export function readBool(bytes: Buffer, pos: number, end: number, field: string): boolean {
  let bits = 0;
  for (let count = 0; count < 10; count++) {
    const byte = byteAt(bytes, pos++, end, field);
    bits |= byte & 127;
    if (byte < 128) {
      cursor.pos = pos;
      return bits !== 0;
    }
  }
  throw undecodable(field, 'a varint is longer than 10 bytes');
}
