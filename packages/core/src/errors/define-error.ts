import { Code, type CodeName } from './code.js';
import { type DetailType, detail } from './details.js';
import { Reason } from './reason.js';
import { RpcError, type RpcErrorOptions } from './rpc-error.js';

/** Fields of a defined error: each is a message, and travels as a detail. */
export interface ErrorFields {
  // biome-ignore lint/suspicious/noExplicitAny: any kind of message; what it is made of is seen where the field is used
  readonly [field: string]: DetailType<any, unknown>;
}

export interface ErrorDefinition<F extends ErrorFields = ErrorFields> {
  /** Of the class, such as `NoSuchCity`. */
  readonly name: string;
  /** With the reason, what the error is known by on the wire. */
  readonly code: CodeName;
  readonly reason: string;
  /** Messages of types that differ. @default none */
  readonly fields?: F;
}

/** Options of an error of a defined class: those of any other, and its fields. */
export type DefinedErrorOptions<F extends ErrorFields> = Omit<RpcErrorOptions, 'reason'> & {
  readonly [K in keyof F]?: Parameters<F[K]['encode']>[0];
};

/** A field is undefined when it was not given, or had no room in the message. */
export type DefinedError<F extends ErrorFields> = RpcError & {
  readonly [K in keyof F]: ReturnType<F[K]['decode']> | undefined;
};

export interface DefinedErrorClass<F extends ErrorFields> {
  new (message: string, options?: DefinedErrorOptions<F>): DefinedError<F>;
  readonly prototype: DefinedError<F>;
  readonly code: CodeName;
  readonly reason: string;
}

type AnyClass = DefinedErrorClass<ErrorFields>;

/** By `code/reason`, for what comes over the wire. Of this thread. */
const defined = new Map<string, AnyClass>();

const taken = ['name', 'message', 'stack', 'cause', 'code', 'reason', 'failed', 'details', 'metadata', 'retryAfterMs'];
const ownReasons = new Set<string>(Object.values(Reason));

/**
 * Makes a class of errors that keep their class on the way from handler to caller, where both define it: `instanceof`
 * works, and its fields are there. Throws INVALID_ARGUMENT (BAD_OPTION) for a definition that makes no sense,
 * ALREADY_EXISTS (BAD_OPTION) when another class has the same code and reason.
 */
export function defineError<const F extends ErrorFields = Record<never, never>>(
  definition: ErrorDefinition<F>,
): DefinedErrorClass<F> {
  const { name, code, reason, fields = {} as F } = definition;
  check(definition);
  const key = `${code}/${reason}`;
  const other = defined.get(key);
  if (other !== undefined && (other as unknown as { name: string }).name !== name) {
    const words = `defineError: ${(other as unknown as { name: string }).name} and ${name} have the same code and reason, ${key}: they could not be told apart`;
    throw new RpcError('ALREADY_EXISTS', words, { reason: Reason.BAD_OPTION });
  }
  const entries = Object.entries(fields);
  class Defined extends RpcError {
    static readonly code = code;
    static readonly reason = reason;

    constructor(message: string, options: RpcErrorOptions & Readonly<Record<string, unknown>> = {}) {
      const given = entries.filter(([field]) => options[field] !== undefined);
      const own = given.map(([field, type]) => detail<unknown>(type, options[field]));
      super(code, message, { ...options, reason, details: [...own, ...(options.details ?? [])] });
      Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true });
      for (const [field, type] of entries) {
        Object.defineProperty(this, field, { value: firstOf(this, type), enumerable: true, configurable: true });
      }
    }
  }
  Object.defineProperty(Defined, 'name', { value: name, configurable: true });
  const made = Defined as unknown as DefinedErrorClass<F>;
  defined.set(key, made as unknown as AnyClass);
  return made;
}

/** An error that came over the wire: of the class that is defined for its code and reason, if there is one. */
export function receivedError(code: CodeName, message: string, options: RpcErrorOptions): RpcError {
  const known = options.reason === undefined ? undefined : defined.get(`${code}/${options.reason}`);
  return known === undefined ? new RpcError(code, message, options) : new known(message, options);
}

/** What can't be decoded is as good as missing: the error itself is what must arrive. */
function firstOf(error: RpcError, type: DetailType): unknown {
  try {
    return error.detailsOf(type)[0];
  } catch {
    return undefined;
  }
}

function check({ name, code, reason, fields = {} }: ErrorDefinition): void {
  if (typeof name !== 'string' || !/^[A-Za-z_$][\w$]*$/.test(name))
    throw bad(`name: expected that of a class, found ${show(name)}`);
  if (typeof code !== 'string' || !Object.hasOwn(Code, code) || code === 'OK')
    throw bad(`code: expected one of the codes of failures, such as NOT_FOUND, found ${show(code)}`);
  if (typeof reason !== 'string' || reason === '' || reason.length > 255)
    throw bad(`reason: expected a word of 1 to 255 characters, found ${show(reason)}`);
  if (ownReasons.has(reason)) throw bad(`reason: ${reason} is one of Callgate's own; choose another`);
  const clash = Object.keys(fields).find((field) => taken.includes(field) || field === '__proto__');
  if (clash !== undefined) throw bad(`fields: "${clash}" is what every error has; choose another name`);
  const types = Object.values(fields).map(({ typeName }) => typeName);
  const twice = types.find((type, index) => types.indexOf(type) !== index);
  if (twice !== undefined) throw bad(`fields: two are of type ${twice}, and could not be told apart`);
}

function bad(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `defineError: ${words}`, { reason: Reason.BAD_OPTION });
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
