/** Checks of options, with the words for what is wrong. Each throws INVALID_ARGUMENT (BAD_OPTION). */
import { Reason, RpcError } from '../errors/index.js';

/** `streamWindowBytes: expected bytes, at least 1, found 0`. */
export function badOption(name: string, expected: string, found: unknown): RpcError {
  const words = `${name}: expected ${expected}, found ${String(found)}`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

/** `timeoutMs: unknown option of a client; known are timeout, …`. */
export function unknownOption(owner: string, name: string, known: string): RpcError {
  const words = `${name}: unknown option of a ${owner}; known are ${known}`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

export function booleanOf(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw badOption(name, 'true or false', value);
}

export function functionOf<F extends (...args: never) => unknown>(name: string, value: F): F {
  if (typeof value === 'function') return value;
  throw badOption(name, 'a function', value);
}

export function atLeast(least: number, name: string, value: unknown): number {
  if (typeof value === 'number' && value >= least) return value;
  throw badOption(name, `a number of at least ${least}`, value);
}

export function bytesOf(name: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) > 0) return value as number;
  throw badOption(name, 'bytes, at least 1', value);
}

export function millisecondsOf(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw badOption(name, 'milliseconds of 0 or more', value);
}
