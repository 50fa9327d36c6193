/** Messages put together by hand, byte by byte. */
import { RpcError } from '@callgate/core/errors';
import { expect } from 'vitest';
import { encodeVarint } from './wire.js';

export interface Decoder<T> {
  decode(bytes: Buffer, start: number, end: number): T;
}

export const [VARINT, FIXED64, DELIMITED, GROUP, END, FIXED32] = [0, 1, 2, 3, 4, 5] as const;

export const tag = (number: number, wire: number): Buffer => encodeVarint(BigInt(number * 8 + wire));

/** Content behind its length. */
export const text = (content: string | Uint8Array): Buffer =>
  Buffer.concat([encodeVarint(BigInt(content.length)), Buffer.from(content)]);

/** Numbers stand for themselves as bytes, buffers for what they hold. */
export function bytes(...parts: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));
}

export function read<T>(type: Decoder<T>, ...parts: readonly (number | Buffer)[]): T {
  const content = bytes(...parts);
  return type.decode(content, 0, content.length);
}

/** The words of the error that reading comes to. */
export function problem<T>(type: Decoder<T>, ...parts: readonly (number | Buffer)[]): string {
  try {
    read(type, ...parts);
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'UNDECODABLE']);
    return error.message;
  }
  throw new Error('it was read');
}
