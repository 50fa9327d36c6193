/**
 * Fields of type `callgate.Handle`: open file descriptors. They travel beside the message; in it stands, in place of
 * each, a message of one field: its number among those that travel with it, from 1. Who sends and who receives the
 * message say around `size`, `encode` and `decode` which those are.
 */
import { Reason, RpcError } from '../../errors/index.js';
import type { Handle } from '../../transport/contract.js';
import type { MessageSchema } from '../contract.js';
import { undecodable, unencodable } from './faults.js';
import { skipField } from './skip.js';
import { cursor, readLength, readTag, readVarint } from './varint.js';

export type { Handle } from '../../transport/contract.js';

/** Handles in the fields of one message, at most: what the mechanisms take. */
export const MOST_HANDLES = 64;
/** The tag of `uint32 number = 1`. */
const NUMBER_TAG = 8;
/** Of its tag and its number, which is below 128. */
const CONTENT_BYTES = 2;

/** Gathers the handles of a message that is being sent. */
export interface HandleGatherer {
  /** The number of a handle, which gets one when it is met first; `field` is that in which it stands. May throw. */
  gather(handle: Handle, field: string): number;
  numberOf(handle: Handle): number | undefined;
}

/** Finds the handles of a message that is being decoded. */
export interface HandleFinder {
  /** Throws INVALID_ARGUMENT (UNDECODABLE) when no such handle came, or a field has it already. */
  find(number: number, field: string): Handle;
}

export const handleFields: {
  /** Of the message that is being sent now. */
  gatherer: HandleGatherer | undefined;
  finder: HandleFinder | undefined;
  /** A message was measured that has handles, though nobody gathered them. */
  met: boolean;
} = { gatherer: undefined, finder: undefined, met: false };

/** Whether a value can stand in a handle field. */
export function isHandle(value: unknown): value is Handle {
  if (typeof value !== 'object' || value === null) return false;
  const { value: number, close, detach } = value as Partial<Handle>;
  return typeof number === 'number' && typeof close === 'function' && typeof detach === 'function';
}

/** Bytes of the field's content with its length in front. Also the check of the value. */
export function sizeHandle(value: Handle, field: string): number {
  numberHandle(value, field);
  return 1 + CONTENT_BYTES;
}

/** The number that stands for a handle; 0 when the message is only being measured. */
export function numberHandle(value: Handle, field: string): number {
  if (!isHandle(value)) throw unencodable(field, 'a Handle (handleOf makes one)', value);
  if (value.value < 0) throw closedHandle(field);
  const { gatherer } = handleFields;
  if (gatherer !== undefined) return gatherer.gather(value, field);
  handleFields.met = true;
  return 0;
}

export function writeHandle(value: Handle, bytes: Buffer, pos: number): number {
  const number = handleFields.gatherer?.numberOf(value);
  if (number === undefined) throw notTravelling();
  bytes[pos] = CONTENT_BYTES;
  bytes[pos + 1] = NUMBER_TAG;
  bytes[pos + 2] = number;
  return pos + 1 + CONTENT_BYTES;
}

export function readHandle(bytes: Buffer, pos: number, end: number, field: string): Handle {
  const contentEnd = readLength(bytes, pos, end, field);
  let at = cursor.pos;
  let number = 0;
  while (at < contentEnd) {
    const tag = readTag(bytes, at, contentEnd, field);
    at = cursor.pos;
    if (tag === NUMBER_TAG) {
      number = readVarint(bytes, at, contentEnd, field);
      at = cursor.pos;
    } else at = skipField(bytes, at, contentEnd, tag, field, 1);
  }
  cursor.pos = contentEnd;
  return findHandle(number, field);
}

export function findHandle(number: number, field: string): Handle {
  const { finder } = handleFields;
  if (finder === undefined) throw undecodable(field, 'it is a handle, and those come only with calls');
  return finder.find(number, field);
}

function closedHandle(field: string): RpcError {
  const words = `cannot encode ${field}: the handle is closed, or was given away before (what is sent is the call's)`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.UNENCODABLE });
}

function notTravelling(): RpcError {
  const words = 'cannot encode a callgate.Handle: an open file travels with a call, not in bytes alone';
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNENCODABLE });
}

/** The value of a map's entry that has none. */
export function missingHandle(field: string): never {
  throw undecodable(field, 'an entry has no handle');
}

const carrying = new WeakMap<MessageSchema, boolean>();

/** Whether messages of this shape can have handles, in whatever depth. */
export function hasHandleFields(schema: MessageSchema): boolean {
  const known = carrying.get(schema);
  if (known !== undefined) return known;
  const schemas = new Set([schema]);
  let found = false;
  for (const { fields } of schemas) {
    for (const { type, message } of fields) {
      if (type === 'handle') found = true;
      if (message !== undefined) schemas.add(message());
    }
  }
  carrying.set(schema, found);
  return found;
}

/** The handles in a message, wherever they stand: for who closes what was not sent, or not wanted. */
export function handlesIn(message: unknown): Handle[] {
  const handles: Handle[] = [];
  // A set grows while it is walked, and has each object once.
  const parts = new Set([message]);
  for (const part of parts) {
    if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part)) continue;
    if (isHandle(part)) handles.push(part);
    else for (const inner of part instanceof Map ? part.values() : Object.values(part)) parts.add(inner);
  }
  return handles;
}
