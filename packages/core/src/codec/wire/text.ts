/**
 * Strings, as UTF-8 behind a length. Short ASCII ones are handled by hand: entering native code costs more than a dozen
 * characters do. Longer ones use Buffer's own methods, which need no view of the span.
 */
import { isUtf8 } from 'node:buffer';
import { undecodable, unencodable } from './faults.js';
import { cursor, readLength, sizeVarint, writeVarint } from './varint.js';

/** Methods that every Node Buffer has and its type declarations leave out: `write` and `toString` without their checks. */
type FastBuffer = Buffer & {
  utf8Write(text: string, at: number, length: number): number;
  latin1Write(text: string, at: number, length: number): number;
  utf8Slice(start: number, end: number): string;
};

/** Characters up to which a loop over a string beats a native call (measured on Node 20). */
const SHORT_TO_MEASURE = 12;
export const SHORT_TO_WRITE = 32;
const SHORT_TO_READ = 24;

/** Bytes of the string with its length in front. */
export function sizeString(value: string, field: string): number {
  if (typeof value !== 'string') throw unencodable(field, 'a string', value);
  const length = value.length;
  if (length > SHORT_TO_MEASURE) return sizeLongString(value, field);
  for (let i = 0; i < length; i++) {
    if (value.charCodeAt(i) > 127) return sizeLongString(value, field);
  }
  return length + 1;
}

function sizeLongString(value: string, field: string): number {
  const length = Buffer.byteLength(value);
  if (length !== value.length && !(value as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw unencodable(field, 'well-formed Unicode (an unpaired surrogate has no UTF-8)', value);
  }
  return length + sizeVarint(length);
}

export function writeString(value: string, bytes: Buffer, pos: number): number {
  const length = value.length;
  if (length > SHORT_TO_WRITE) return writeLongString(value, bytes, pos);
  for (let i = 0; i < length; i++) {
    const char = value.charCodeAt(i);
    if (char > 127) return writeLongString(value, bytes, pos);
    bytes[pos + 1 + i] = char;
  }
  bytes[pos] = length;
  return pos + 1 + length;
}

function writeLongString(value: string, bytes: Buffer, pos: number): number {
  const length = Buffer.byteLength(value);
  pos = writeVarint(length, bytes, pos);
  if (length === value.length) (bytes as FastBuffer).latin1Write(value, pos, length);
  else (bytes as FastBuffer).utf8Write(value, pos, length);
  return pos + length;
}

/** A string of a proto3 file: bytes that are not UTF-8 are an error. */
export function readString(bytes: Buffer, pos: number, end: number, field: string): string {
  const contentEnd = readLength(bytes, pos, end, field);
  const start = cursor.pos;
  cursor.pos = contentEnd;
  if (contentEnd - start <= SHORT_TO_READ) {
    const text = readAscii(bytes, start, contentEnd - start);
    if (text !== undefined) return text;
  }
  const text = (bytes as FastBuffer).utf8Slice(start, contentEnd);
  if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(start, contentEnd))) {
    throw undecodable(field, 'its bytes are not UTF-8');
  }
  return text;
}

/** A string of a proto2 file: what is not UTF-8 becomes U+FFFD. */
export function readLooseString(bytes: Buffer, pos: number, end: number, field: string): string {
  const contentEnd = readLength(bytes, pos, end, field);
  const start = cursor.pos;
  cursor.pos = contentEnd;
  return (bytes as FastBuffer).utf8Slice(start, contentEnd);
}

const chars = String.fromCharCode;

/**
 * Up to 24 ASCII bytes as a string, or undefined when there is another byte. One call of fromCharCode makes a flat
 * string without entering native code; adding characters one by one would make a rope.
 */
function readAscii(b: Buffer, p: number, length: number): string | undefined {
  let all = 0;
  for (let i = p; i < p + length; i++) all |= b[i]!;
  if (all > 127) return undefined;
  // biome-ignore format: a table
  switch (length) {
    case 0: return '';
    case 1: return chars(b[p]!);
    case 2: return chars(b[p]!, b[p + 1]!);
    case 3: return chars(b[p]!, b[p + 1]!, b[p + 2]!);
    case 4: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!);
    case 5: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!);
    case 6: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!);
    case 7: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!);
    case 8: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!);
    case 9: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!);
    case 10: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!);
    case 11: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!);
    case 12: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!);
    case 13: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!);
    case 14: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!);
    case 15: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!);
    case 16: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!);
    case 17: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!);
    case 18: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!);
    case 19: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!);
    case 20: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!, b[p + 19]!);
    case 21: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!, b[p + 19]!, b[p + 20]!);
    case 22: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!, b[p + 19]!, b[p + 20]!, b[p + 21]!);
    case 23: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!, b[p + 19]!, b[p + 20]!, b[p + 21]!, b[p + 22]!);
    default: return chars(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!, b[p + 10]!, b[p + 11]!, b[p + 12]!, b[p + 13]!, b[p + 14]!, b[p + 15]!, b[p + 16]!, b[p + 17]!, b[p + 18]!, b[p + 19]!, b[p + 20]!, b[p + 21]!, b[p + 22]!, b[p + 23]!);
  }
}
