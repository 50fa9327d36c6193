import { type MetadataValue, type MetadataView, Reason, RpcError } from '../errors/index.js';

type Value = string | Uint8Array;

/** What metadata can be made of: other metadata, or anything that gives pairs; or an object, several values as a list. */
export type MetadataInit =
  | MetadataView
  | Iterable<readonly [key: string, value: Value]>
  | { readonly [key: string]: Value | readonly Value[] };

/** Keys that begin so are Callgate's own; users neither set nor see them. */
export const RESERVED_PREFIX = 'callgate-';
/** Characters of the longest key: its length takes one byte on the wire. */
export const MAX_KEY_LENGTH = 255;

/** Not the package's: for what Callgate itself sends along. */
interface Internals {
  own(metadata: Metadata): ReadonlyMap<string, Value[]>;
  freeze(metadata: Metadata, why: string): void;
  /** Adds without the rule that keeps users from reserved keys. */
  add(metadata: Metadata, key: string, value: Value): void;
}
let internals!: Internals;

/**
 * What goes with a call beside its messages: text by keys of lower-case ASCII, and bytes by keys that end in `-bin`.
 * Text is any Unicode without control characters. A key may have several values. All that is wrong throws RpcError
 * INVALID_ARGUMENT (BAD_METADATA) in words.
 */
export class Metadata implements MetadataView {
  /** A map, so that no key has a meaning of its own. */
  readonly #entries = new Map<string, Value[]>();
  #frozen: string | undefined;

  static {
    internals = {
      own: (metadata) => metadata.#entries,
      freeze: (metadata, why) => {
        metadata.#frozen = why;
      },
      add: (metadata, key, value) => {
        metadata.#add(key, value);
      },
    };
  }

  constructor(init?: MetadataInit) {
    if (init === undefined) return;
    for (const [key, value] of pairsOf(init)) this.append(key, value);
  }

  get<K extends string>(key: K): MetadataValue<K> | undefined {
    return this.getAll(key)[0];
  }

  getAll<K extends string>(key: K): readonly MetadataValue<K>[] {
    checkKey(key);
    if (key.startsWith(RESERVED_PREFIX)) return [];
    return [...(this.#entries.get(key) ?? [])] as unknown as MetadataValue<K>[];
  }

  has(key: string): boolean {
    return this.getAll(key).length > 0;
  }

  get size(): number {
    let count = 0;
    for (const _ of this) count++;
    return count;
  }

  /** Gives the key one value, in place of those that it has. */
  set<K extends string>(key: K, value: MetadataValue<NoInfer<K>>): this {
    this.#check(key, value);
    this.#entries.set(key, [value as Value]);
    return this;
  }

  /** Gives the key one value more. */
  append<K extends string>(key: K, value: MetadataValue<NoInfer<K>>): this {
    this.#check(key, value);
    return this.#add(key, value as Value);
  }

  /** True when the key had a value. */
  delete(key: string): boolean {
    const had = this.has(key);
    this.#checkFrozen();
    if (had) this.#entries.delete(key);
    return had;
  }

  *[Symbol.iterator](): IterableIterator<readonly [key: string, value: Value]> {
    for (const [key, values] of this.#entries) {
      if (key.startsWith(RESERVED_PREFIX)) continue;
      for (const value of values) yield [key, value];
    }
  }

  /** For logs: bytes are told by their length. */
  toJSON(): Record<string, string | readonly string[]> {
    const shown = Object.create(null) as Record<string, string | readonly string[]>;
    for (const [key, values] of this.#entries) {
      if (key.startsWith(RESERVED_PREFIX)) continue;
      const texts = values.map((value) => (typeof value === 'string' ? value : `<${value.length} bytes>`));
      shown[key] = texts.length === 1 ? (texts[0] as string) : texts;
    }
    return shown;
  }

  #check(key: string, value: unknown): void {
    this.#checkFrozen();
    checkKey(key);
    if (key.startsWith(RESERVED_PREFIX))
      throw badMetadata(`key "${key}": keys that begin with ${RESERVED_PREFIX} are reserved`);
    const problem = valueProblem(key, value);
    if (problem !== undefined) throw badMetadata(`key "${key}": ${problem}`);
  }

  #checkFrozen(): void {
    if (this.#frozen === undefined) return;
    throw new RpcError('FAILED_PRECONDITION', this.#frozen, { reason: Reason.BAD_METADATA });
  }

  #add(key: string, value: Value): this {
    const values = this.#entries.get(key);
    if (values === undefined) this.#entries.set(key, [value]);
    else values.push(value);
    return this;
  }
}

/** All of it, what is reserved too. For encoding. */
export function entriesOf(metadata: Metadata): ReadonlyMap<string, readonly Value[]> {
  return internals.own(metadata);
}

/** From now on changing it throws FAILED_PRECONDITION with these words. */
export function freezeMetadata(metadata: Metadata, why: string): void {
  internals.freeze(metadata, why);
}

/** Adds what Callgate itself sends along, or what came and has been checked. */
export function addUnchecked(metadata: Metadata, key: string, value: Value): void {
  internals.add(metadata, key, value);
}

/** The values of a reserved key, which users don't see. */
export function reservedOf(metadata: Metadata | undefined, key: `callgate-${string}`): readonly Value[] {
  return metadata === undefined ? [] : (internals.own(metadata).get(key) ?? []);
}

/** What is wrong with a key, or undefined. */
export function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string') return `a key is text, found ${typeof key}`;
  if (key === '') return 'a key is empty';
  if (key.length > MAX_KEY_LENGTH)
    return `a key has ${key.length} characters, at most ${MAX_KEY_LENGTH} are permitted: ${JSON.stringify(key.slice(0, 32))}…`;
  if (/^[0-9a-z][0-9a-z_.-]*$/.test(key)) return undefined;
  const lower = key.toLowerCase();
  const hint = lower !== key && keyProblem(lower) === undefined ? `: write "${lower}"` : '';
  return `key ${JSON.stringify(key)}: expected lower-case letters, digits, - _ and . only, a letter or digit first${hint}`;
}

/** What is wrong with a value, or undefined. */
export function valueProblem(key: string, value: unknown): string | undefined {
  if (key.endsWith('-bin')) {
    return value instanceof Uint8Array ? undefined : `keys that end in -bin hold bytes, found ${typeof value}`;
  }
  if (value instanceof Uint8Array) return `keys that hold bytes end in -bin: write "${key}-bin"`;
  if (typeof value !== 'string') return `expected text, found ${value === null ? 'null' : typeof value}`;
  return textProblem(value);
}

export function textProblem(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const control = /[\u0000-\u001f\u007f]/.exec(text);
  if (control !== null)
    return `its text has the control character U+${control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} at ${control.index}; send it under a key that ends in -bin`;
  return /\p{Surrogate}/u.test(text) ? 'its text has half of a surrogate pair' : undefined;
}

export function badMetadata(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `metadata: ${words}`, { reason: Reason.BAD_METADATA });
}

function checkKey(key: unknown): void {
  const problem = keyProblem(key);
  if (problem !== undefined) throw badMetadata(problem);
}

function* pairsOf(init: MetadataInit): Iterable<readonly [string, Value]> {
  if (typeof init !== 'object' || init === null) {
    throw badMetadata(
      `expected Metadata or an object of keys and values, found ${init === null ? 'null' : typeof init}`,
    );
  }
  if (Symbol.iterator in init) {
    yield* init as Iterable<readonly [string, Value]>;
    return;
  }
  for (const [key, value] of Object.entries(init)) {
    if (Array.isArray(value)) for (const one of value) yield [key, one as Value];
    else yield [key, value as Value];
  }
}
