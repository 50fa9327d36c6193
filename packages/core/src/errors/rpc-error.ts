import { Code, type CodeName, codeName } from './code.js';
import { type DetailType, detailsOf, type ErrorDetail } from './details.js';
import type { MetadataView } from './metadata-view.js';
import type { Reason } from './reason.js';

/** What failed: one call, or the channel that carried it (and with it every call in flight on it). */
export type FailedPart = 'call' | 'channel';

export interface RpcErrorOptions {
  /** A stable, machine-readable word for what happened, finer than the code. */
  readonly reason?: Reason | (string & {});
  /** @default 'call' */
  readonly failed?: FailedPart;
  /**
   * What led to it. Of what a handler throws, the chain of causes reaches the caller: code, reason and message of each
   * RpcError, name and message of each other Error; never a stack.
   */
  readonly cause?: unknown;
  /** Messages that tell more of it, made by `detail`. */
  readonly details?: readonly ErrorDetail[] | undefined;
  /** Milliseconds after which it may be worth while to try again. */
  readonly retryAfterMs?: number | undefined;
  /** Metadata that goes along: what a handler throws adds this to the call's trailers. */
  readonly metadata?: MetadataView | undefined;
}

const NO_DETAILS: readonly ErrorDetail[] = Object.freeze([]);

const brand = Symbol.for('callgate.RpcError');

/** The one error of Callgate: a standard status code, a reason, and what failed. */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  readonly code: CodeName;
  readonly reason: string;
  readonly failed: FailedPart;
  /** The trailers that came with it, or that are to go with it; undefined where there are none. */
  declare readonly metadata: MetadataView | undefined;
  /** Milliseconds after which it may be worth while to try again; undefined when nobody has said. */
  declare readonly retryAfterMs: number | undefined;
  /** Messages that tell more of it; see `detailsOf`. */
  declare readonly details: readonly ErrorDetail[];

  constructor(code: CodeName, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason ?? code;
    this.failed = options.failed ?? 'call';
    // What an error does not have does not show when it is printed.
    if (options.metadata !== undefined) this.metadata = options.metadata;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    const details = options.details ?? NO_DETAILS;
    Object.defineProperty(this, 'details', { value: details, enumerable: details.length > 0 });
    Object.defineProperty(this, brand, { value: true });
  }

  /** The number of `code` on the wire; that of UNKNOWN where JavaScript gave a code that is none, or no failure's. */
  get status(): Code {
    return Code[this.code] || Code.UNKNOWN;
  }

  /** The details of a type, decoded, in order. Throws INVALID_ARGUMENT (UNDECODABLE) when one of them can't be. */
  detailsOf<T>(type: Pick<DetailType<never, T>, 'typeName' | 'decode'>): T[] {
    return detailsOf(this.details, type);
  }

  /** True for an RpcError of any copy of this package, so that two installed copies still understand each other. */
  static is(error: unknown): error is RpcError {
    return typeof error === 'object' && error !== null && brand in error;
  }

  /** Of a class derived from this one, what was made by it only. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: which class is asked is what matters
    return this === RpcError ? RpcError.is(value) : Function.prototype[Symbol.hasInstance].call(this, value);
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
