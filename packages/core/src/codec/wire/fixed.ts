/** Numbers of fixed width, little-endian: fixed32, sfixed32, float, double. */
import { unencodable } from './faults.js';
import { checkInt32, checkUint32 } from './int32.js';
import { cursor, truncated } from './varint.js';

const float32 = new Float32Array(1);
const float32Word = new Uint32Array(float32.buffer);
const float64 = new Float64Array(1);
const float64Words = new Uint32Array(float64.buffer);
/** Which word of a double is the low one on this machine. */
const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

function writeWord(word: number, bytes: Buffer, pos: number): void {
  bytes[pos] = word;
  bytes[pos + 1] = word >>> 8;
  bytes[pos + 2] = word >>> 16;
  bytes[pos + 3] = word >>> 24;
}

function readWord(bytes: Buffer, pos: number): number {
  return bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24);
}

export function sizeFixed32(value: number, field: string): number {
  checkUint32(value, field);
  return 4;
}

export function sizeSfixed32(value: number, field: string): number {
  checkInt32(value, field);
  return 4;
}

export function writeFixed32(value: number, bytes: Buffer, pos: number): number {
  writeWord(value, bytes, pos);
  return pos + 4;
}

export const writeSfixed32 = writeFixed32;

export function readSfixed32(bytes: Buffer, pos: number, end: number, field: string): number {
  if (pos + 4 > end) throw truncated(field);
  cursor.pos = pos + 4;
  return readWord(bytes, pos);
}

export function readFixed32(bytes: Buffer, pos: number, end: number, field: string): number {
  return readSfixed32(bytes, pos, end, field) >>> 0;
}

/** A float takes any number that does not turn into infinity; it is rounded to 24 bits of precision. */
export function sizeFloat(value: number, field: string): number {
  if (typeof value !== 'number') throw unencodable(field, 'a number', value);
  float32[0] = value;
  if (!Number.isFinite(float32[0]) && Number.isFinite(value)) {
    throw unencodable(field, 'a number that fits a float (at most 3.4e38)', value);
  }
  return 4;
}

export function writeFloat(value: number, bytes: Buffer, pos: number): number {
  float32[0] = value;
  writeWord(float32Word[0]!, bytes, pos);
  return pos + 4;
}

export function readFloat(bytes: Buffer, pos: number, end: number, field: string): number {
  if (pos + 4 > end) throw truncated(field);
  cursor.pos = pos + 4;
  float32Word[0] = readWord(bytes, pos);
  return float32[0]!;
}

export function sizeDouble(value: number, field: string): number {
  if (typeof value !== 'number') throw unencodable(field, 'a number', value);
  return 8;
}

export function writeDouble(value: number, bytes: Buffer, pos: number): number {
  float64[0] = value;
  writeWord(float64Words[LOW]!, bytes, pos);
  writeWord(float64Words[HIGH]!, bytes, pos + 4);
  return pos + 8;
}

export function readDouble(bytes: Buffer, pos: number, end: number, field: string): number {
  if (pos + 8 > end) throw truncated(field);
  cursor.pos = pos + 8;
  float64Words[LOW] = readWord(bytes, pos);
  float64Words[HIGH] = readWord(bytes, pos + 4);
  return float64[0]!;
}
