/** Messages inside messages: lengths in front of them, and the checks on what was given as one. */
import { isMap } from 'node:util/types';
import { MAX_DEPTH, tooDeepToEncode, undecodable, unencodable } from './faults.js';
import { sizeVarint, writeVarint } from './varint.js';

/** Bytes of a nested message of `size` bytes with its length in front. */
export function sizeDelimited(size: number): number {
  return size + sizeVarint(size);
}

/**
 * Completes something whose length was not known when it was begun: one byte was left free at `at`, the content is
 * `bytes[at + 1, end)`. Writes the length, moving the content when the length needs more than that byte. Returns the end.
 *
 * Most nested messages are shorter than 128 bytes, so this is cheaper than measuring each before it is written, and
 * moving is a memmove where measuring would walk the message again at every level.
 */
export function closeLength(bytes: Buffer, at: number, end: number): number {
  const length = end - at - 1;
  if (length < 128) {
    bytes[at] = length;
    return end;
  }
  const shift = sizeVarint(length) - 1;
  bytes.copyWithin(at + 1 + shift, at + 1, end);
  writeVarint(length, bytes, at);
  return end + shift;
}

/** At the head of each message's `size`: it is an object, and not too deep. */
export function checkMessage(message: unknown, depth: number, typeName: string): void {
  if (typeof message !== 'object' || message === null) throw unencodable(typeName, 'an object', message);
  if (depth > MAX_DEPTH) throw tooDeepToEncode(typeName);
}

export function checkList(value: unknown, field: string): void {
  if (!Array.isArray(value)) throw unencodable(field, 'an array', value);
}

export function checkMap(value: unknown, field: string): void {
  if (!(value instanceof Map || isMap(value))) throw unencodable(field, 'a Map', value);
}

export function checkOneof(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null) throw unencodable(field, 'an object with case and value', value);
}

/** A oneof whose `case` is none of its fields. */
export function unknownCase(value: unknown, field: string): Error {
  return unencodable(field, 'a case that the schema names', (value as { readonly case: unknown }).case);
}

/** A required field of proto2 that has no value. */
export function missingToEncode(field: string): Error {
  return unencodable(field, 'a value, since it is required', undefined);
}

export function missingToDecode(field: string): Error {
  return undecodable(field, 'it is required, and missing');
}
