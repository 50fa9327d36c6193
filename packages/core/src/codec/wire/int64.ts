/**
 * 64-bit integers, always bigint. A bigint is split into two 32-bit words through one shared word of scratch memory:
 * no bigint arithmetic, no intermediate bigint.
 */
import { undecodable, unencodable } from './faults.js';
import { byteAt, cursor, sizeVarint, truncated, writeVarint } from './varint.js';

const signed = new BigInt64Array(1);
const unsigned = new BigUint64Array(signed.buffer);
const words = new Uint32Array(signed.buffer);
/** Which word is the low one: little-endian machines 0, big-endian ones 1. */
const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

const INT64 = 'a bigint from -2^63 to 2^63 - 1';
const UINT64 = 'a bigint from 0 to 2^64 - 1';

/** Checks the range, and leaves the value in the scratch words. */
function splitInt64(value: bigint, field: string): void {
  if (typeof value !== 'bigint') throw unencodable(field, INT64, value);
  signed[0] = value;
  if (signed[0] !== value) throw unencodable(field, INT64, value);
}

function splitUint64(value: bigint, field: string): void {
  if (typeof value !== 'bigint') throw unencodable(field, UINT64, value);
  unsigned[0] = value;
  if (unsigned[0] !== value) throw unencodable(field, UINT64, value);
}

function sizeWords(low: number, high: number): number {
  if (high === 0) return sizeVarint(low);
  if (high < 0x8) return 5;
  return high < 0x400 ? 6 : high < 0x2_0000 ? 7 : high < 0x100_0000 ? 8 : high < 0x8000_0000 ? 9 : 10;
}

function writeWords(low: number, high: number, bytes: Buffer, pos: number): number {
  while (high !== 0) {
    bytes[pos++] = (low & 127) | 128;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  return writeVarint(low, bytes, pos);
}

/** Leaves the 64 bits of a varint in the scratch words; bits above them are dropped. */
function readWords(bytes: Buffer, pos: number, end: number, field: string): void {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = byteAt(bytes, pos++, end, field);
    const bits = byte & 127;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (shift - 32);
    if (byte < 128) {
      cursor.pos = pos;
      words[LOW] = low;
      words[HIGH] = high;
      return;
    }
  }
  throw undecodable(field, 'a varint is longer than 10 bytes');
}

export function sizeInt64(value: bigint, field: string): number {
  splitInt64(value, field);
  return sizeWords(words[LOW]!, words[HIGH]!);
}

export function writeInt64(value: bigint, bytes: Buffer, pos: number): number {
  signed[0] = value;
  return writeWords(words[LOW]!, words[HIGH]!, bytes, pos);
}

export function readInt64(bytes: Buffer, pos: number, end: number, field: string): bigint {
  readWords(bytes, pos, end, field);
  return signed[0]!;
}

export function sizeUint64(value: bigint, field: string): number {
  splitUint64(value, field);
  return sizeWords(words[LOW]!, words[HIGH]!);
}

export const writeUint64 = writeInt64;

export function readUint64(bytes: Buffer, pos: number, end: number, field: string): bigint {
  readWords(bytes, pos, end, field);
  return unsigned[0]!;
}

/** Zigzags what is in the scratch words. */
function zigzag(): void {
  const low = words[LOW]!;
  const high = words[HIGH]!;
  const sign = (high | 0) >> 31;
  words[LOW] = (low << 1) ^ sign;
  words[HIGH] = ((high << 1) | (low >>> 31)) ^ sign;
}

export function sizeSint64(value: bigint, field: string): number {
  splitInt64(value, field);
  zigzag();
  return sizeWords(words[LOW]!, words[HIGH]!);
}

export function writeSint64(value: bigint, bytes: Buffer, pos: number): number {
  signed[0] = value;
  zigzag();
  return writeWords(words[LOW]!, words[HIGH]!, bytes, pos);
}

export function readSint64(bytes: Buffer, pos: number, end: number, field: string): bigint {
  readWords(bytes, pos, end, field);
  const low = words[LOW]!;
  const high = words[HIGH]!;
  const sign = -(low & 1);
  words[LOW] = ((low >>> 1) | (high << 31)) ^ sign;
  words[HIGH] = (high >>> 1) ^ sign;
  return signed[0]!;
}

export function sizeFixed64(value: bigint, field: string): number {
  splitUint64(value, field);
  return 8;
}

export function sizeSfixed64(value: bigint, field: string): number {
  splitInt64(value, field);
  return 8;
}

export function writeFixed64(value: bigint, bytes: Buffer, pos: number): number {
  signed[0] = value;
  const low = words[LOW]!;
  const high = words[HIGH]!;
  bytes[pos] = low;
  bytes[pos + 1] = low >>> 8;
  bytes[pos + 2] = low >>> 16;
  bytes[pos + 3] = low >>> 24;
  bytes[pos + 4] = high;
  bytes[pos + 5] = high >>> 8;
  bytes[pos + 6] = high >>> 16;
  bytes[pos + 7] = high >>> 24;
  return pos + 8;
}

export const writeSfixed64 = writeFixed64;

function readFixedWords(bytes: Buffer, pos: number, end: number, field: string): void {
  if (pos + 8 > end) throw truncated(field);
  words[LOW] = bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24);
  words[HIGH] = bytes[pos + 4]! | (bytes[pos + 5]! << 8) | (bytes[pos + 6]! << 16) | (bytes[pos + 7]! << 24);
  cursor.pos = pos + 8;
}

export function readFixed64(bytes: Buffer, pos: number, end: number, field: string): bigint {
  readFixedWords(bytes, pos, end, field);
  return unsigned[0]!;
}

export function readSfixed64(bytes: Buffer, pos: number, end: number, field: string): bigint {
  readFixedWords(bytes, pos, end, field);
  return signed[0]!;
}
