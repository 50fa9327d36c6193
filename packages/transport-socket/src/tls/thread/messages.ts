/** What a thread that blocks and the keeper of its connections tell each other, beside the bytes. */
import type { MessagePort } from 'node:worker_threads';
import { type CodeName, RpcError } from '@callgate/core/errors';
import type { Deadline, Peer } from '@callgate/core/transport';
import type { TlsOptions } from '../options.js';

/** To the keeper. Deadlines are in ms of all threads' clock, `commonTime`. */
export type Request =
  | {
      readonly kind: 'connect';
      readonly url: string;
      readonly options: TlsOptions;
      readonly deadline: Deadline;
      readonly memory: SharedArrayBuffer;
      readonly port: MessagePort;
    }
  | { readonly kind: 'listen'; readonly url: string; readonly options: TlsOptions; readonly port: MessagePort }
  /** No request comes after this: the thread ends when all is released. */
  | { readonly kind: 'end' };

/** Of a connection, by its port: first who the peer is or why there is none, and once it is hung up, what is left of it. */
export type Connected =
  | { readonly kind: 'open'; readonly peer: Peer }
  | { readonly kind: 'failed'; readonly error: PlainError };
export interface Rest {
  readonly kind: 'rest';
  /** From the peer; to be read after what is in the ring. */
  readonly bytes: Uint8Array;
  /** The stream has failed, and not only ended. */
  readonly error?: PlainError;
}

/** Of a listener, by its port. */
export type Heard =
  | { readonly kind: 'listening'; readonly url: string; readonly host: string; readonly port: number }
  | { readonly kind: 'failed'; readonly error: PlainError }
  | { readonly kind: 'stream'; readonly peer: Peer; readonly memory: SharedArrayBuffer; readonly port: MessagePort }
  | { readonly kind: 'error'; readonly error: PlainError };

/** An error as plain data. */
export interface PlainError {
  readonly message: string;
  readonly code: string | undefined;
  /** Of an RpcError. */
  readonly rpc?: { readonly reason: string; readonly failed: 'call' | 'channel' };
  readonly cause?: PlainError;
}

export function toPlainError(thrown: unknown): PlainError {
  const { message, code, cause } = thrown as NodeJS.ErrnoException & { readonly cause?: unknown };
  return {
    message: message ?? String(thrown),
    code,
    ...(RpcError.is(thrown) ? { rpc: { reason: thrown.reason, failed: thrown.failed } } : {}),
    ...(cause === undefined ? {} : { cause: toPlainError(cause) }),
  };
}

/** It gets the stack of whom it is told. */
export function fromPlainError({ message, code, rpc, cause }: PlainError): Error {
  const why = cause === undefined ? {} : { cause: fromPlainError(cause) };
  if (rpc !== undefined) return new RpcError(code as CodeName, message, { ...rpc, ...why });
  return Object.assign(new Error(message, why), code === undefined ? {} : { code });
}

/** A deadline of this thread, whose clock begins when the thread does, on the clock of all. */
export function commonTime(deadline: Deadline): number {
  return performance.timeOrigin + deadline;
}

export function ownTime(common: number): Deadline {
  return common - performance.timeOrigin;
}
