import { type CodeName, RpcError } from '../../errors/index.js';
import type { ErrorParts } from './threads.js';

/** An error as it can be cloned for another thread: what has no copy goes in words. */
export function errorParts(error: RpcError): ErrorParts {
  const { code, reason, message, failed, cause } = error;
  return { code, reason, message, failed, cause: cloneable(cause) };
}

export function errorFrom({ code, reason, message, failed, cause }: ErrorParts): RpcError {
  return new RpcError(code as CodeName, message, { reason, failed, cause });
}

function cloneable(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause === undefined ? undefined : wordsOf(cause);
  const copy = new Error(cause.message);
  copy.name = cause.name;
  // Where it was thrown is what the owner of the server wants to know.
  if (cause.stack !== undefined) copy.stack = cause.stack;
  return copy;
}

function wordsOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'something that has no words was thrown';
  }
}
