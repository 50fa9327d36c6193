import { Code, type CodeName, codeName } from './code.js';
import type { MetadataView } from './metadata-view.js';
import type { Reason } from './reason.js';

/** What failed: one call, or the channel that carried it (and with it every call in flight on it). */
export type FailedPart = 'call' | 'channel';

export interface RpcErrorOptions {
  /** A stable, machine-readable word for what happened, finer than the code. */
  readonly reason?: Reason | (string & {});
  /** @default 'call' */
  readonly failed?: FailedPart;
  readonly cause?: unknown;
  /** Metadata that goes along: what a handler throws adds this to the call's trailers. */
  readonly metadata?: MetadataView | undefined;
}

const brand = Symbol.for('callgate.RpcError');

/** The one error of Callgate: a standard status code, a reason, and what failed. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: CodeName;
  readonly reason: string;
  readonly failed: FailedPart;
  /** The trailers that came with it, or that are to go with it; undefined where there are none. */
  declare readonly metadata: MetadataView | undefined;

  constructor(code: CodeName, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason ?? code;
    this.failed = options.failed ?? 'call';
    if (options.metadata !== undefined) this.metadata = options.metadata;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The number of `code` on the wire; that of UNKNOWN where JavaScript gave a code that is none, or no failure's. */
  get status(): Code {
    return Code[this.code] || Code.UNKNOWN;
  }

  /** True for an RpcError of any copy of this package, so that two installed copies still understand each other. */
  static is(error: unknown): error is RpcError {
    return typeof error === 'object' && error !== null && brand in error;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return RpcError.is(value);
  }

  /** Makes an error from what came over the wire. */
  static fromStatus(status: number, message: string, options: RpcErrorOptions = {}): RpcError {
    return new RpcError(codeName(status), message, options);
  }

  /** Wraps anything thrown: an RpcError stays itself, anything else becomes `code` with the thrown thing as its cause. */
  static from(thrown: unknown, code: CodeName = 'UNKNOWN', options: RpcErrorOptions = {}): RpcError {
    if (RpcError.is(thrown)) return thrown;
    return new RpcError(code, wordsOf(thrown), { cause: thrown, ...options });
  }
}

/** Anything can be thrown, also what throws in its turn when it is made into text. */
function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.message}` : String(thrown);
  } catch {
    return 'something that has no words was thrown';
  }
}
