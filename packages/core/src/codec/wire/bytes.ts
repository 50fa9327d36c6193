/** Byte strings behind a length. What is read is always a copy, in an ArrayBuffer of its own. */
import { isUint8Array } from 'node:util/types';
import { unencodable } from './faults.js';
import { LEAST_REFERRED_BYTES, REFERENCE_BYTES, references, referred } from './reference.js';
import { cursor, readLength, sizeVarint, writeVarint } from './varint.js';

/** The value of an absent bytes field. Shared: it has nothing that could be written to. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Bytes of the value with its length in front: 1 for an empty one. */
export function sizeBytes(value: Uint8Array, field: string): number {
  if (!(value instanceof Uint8Array || isUint8Array(value))) throw unencodable(field, 'a Uint8Array', value);
  const { length } = value.length < LEAST_REFERRED_BYTES ? value : referred(value);
  return length + sizeVarint(length);
}

export function writeBytes(value: Uint8Array, bytes: Buffer, pos: number): number {
  if (value.length >= LEAST_REFERRED_BYTES) value = referred(value);
  pos = writeVarint(value.length, bytes, pos);
  bytes.set(value, pos);
  return pos + value.length;
}

export function readBytes(bytes: Buffer, pos: number, end: number, field: string): Uint8Array {
  const contentEnd = readLength(bytes, pos, end, field);
  const start = cursor.pos;
  cursor.pos = contentEnd;
  if (references.resolver !== undefined && contentEnd - start === REFERENCE_BYTES) {
    const elsewhere = references.resolver.resolve(bytes, start);
    if (elsewhere !== undefined) return elsewhere;
  }
  return start === contentEnd ? NO_BYTES : plainView(bytes).slice(start, contentEnd);
}

/**
 * `slice` of a plain Uint8Array is the cheapest copy there is (a Buffer's own makes Buffers, at twice the cost), so each
 * Buffer gets one plain view, found again without a look-up while the same link is being read.
 */
const views = new WeakMap<Buffer, Uint8Array>();
let lastBuffer: Buffer | undefined;
let lastView: Uint8Array = NO_BYTES;

function plainView(bytes: Buffer): Uint8Array {
  if (bytes !== lastBuffer) {
    let view = views.get(bytes);
    if (view === undefined) {
      view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      views.set(bytes, view);
    }
    lastBuffer = bytes;
    lastView = view;
  }
  return lastView;
}
