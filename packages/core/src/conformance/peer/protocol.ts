/**
 * What the suite and its peers (programs in another process or thread) say to each other, beside the links under test:
 * over the IPC channel of a child process, or the message port of a worker.
 */
import { RpcError } from '../../errors/index.js';
import type { LinkEnd, TransportOptions } from '../../transport/contract.js';
import type { DirectedModule } from '../options.js';

/** What a peer is given when it starts. */
export interface Start {
  readonly transport: DirectedModule;
  readonly options: TransportOptions;
  readonly patienceMs: number;
}

export interface Request {
  readonly id: number;
  readonly command: string;
  readonly args: unknown;
}

/** `ready` comes once; of each request first `began`, then `value` or `error`. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'began'; readonly id: number }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError };

/** An error as plain data. */
export interface PlainError {
  readonly rpc: { readonly code: RpcError['code']; readonly reason: string } | null;
  readonly message: string;
  readonly stack: string;
}

export function toPlainError(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    rpc: RpcError.is(thrown) ? { code: thrown.code, reason: thrown.reason } : null,
    message: error.message,
    stack: error.stack ?? '',
  };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.rpc !== null) return new RpcError(plain.rpc.code, plain.message, { reason: plain.rpc.reason });
  const error = new Error(plain.message);
  error.stack = `${plain.stack}\n  (in the peer)`;
  return error;
}

/** A link's end as plain data. */
export interface PlainEnd {
  readonly by: LinkEnd['by'];
  readonly orderly: boolean;
  readonly error: PlainError;
}

export function toPlainEnd(end: LinkEnd | undefined): PlainEnd | undefined {
  return end && { by: end.by, orderly: end.orderly, error: toPlainError(end.error) };
}

export function fromPlainEnd(plain: PlainEnd | undefined): LinkEnd | undefined {
  return plain && { by: plain.by, orderly: plain.orderly, error: fromPlainError(plain.error) as RpcError };
}
