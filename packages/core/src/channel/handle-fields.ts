import {
  type HandleFinder,
  type HandleGatherer,
  handleFields,
  handlesIn,
  hasHandleFields,
  type MessageType,
  MOST_HANDLES,
  undecodable,
} from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Handle, Link } from '../transport/contract.js';
import { closeAll, NO_HANDLES } from '../transport/handle.js';

/** The handles in the fields of one message that is being sent, in the order of their numbers, from 1. */
export class Gathered implements HandleGatherer {
  readonly handles: Handle[] = [];
  /** In which field each stands. */
  readonly #fields = new Map<Handle, string>();
  /** All are known: the message is measured or written once more. */
  #complete = false;

  /** Runs `work`, which measures or encodes the message. */
  during<R>(work: () => R): R {
    const before = handleFields.gatherer;
    handleFields.gatherer = this;
    try {
      return work();
    } finally {
      handleFields.gatherer = before;
      handleFields.met = false;
    }
  }

  /** The message was measured, and with that all its handles met. */
  complete(): void {
    this.#complete = true;
  }

  gather(handle: Handle, field: string): number {
    const known = this.numberOf(handle);
    if (this.#complete) {
      if (known === undefined) throw unsendable(field, 'the message was changed while it was sent');
      return known;
    }
    if (known !== undefined)
      throw unsendable(field, `the same handle is in ${this.#fields.get(handle)} of this message`);
    if (this.handles.length === MOST_HANDLES)
      throw unsendable(field, `a message carries at most ${MOST_HANDLES} handles`);
    this.#fields.set(handle, field);
    return this.handles.push(handle);
  }

  numberOf(handle: Handle): number | undefined {
    const index = this.handles.indexOf(handle);
    return index < 0 ? undefined : index + 1;
  }

  /** Why the message can't be sent, in words that say which fields it is about. */
  refused(error: unknown): unknown {
    if (this.handles.length === 0 || !RpcError.is(error)) return error;
    if (error.code !== 'FAILED_PRECONDITION' && error.code !== 'INVALID_ARGUMENT') return error;
    const fields = [...new Set(this.#fields.values())].join(', ');
    const { code, reason } = error;
    return new RpcError(code, `cannot send ${fields}: ${error.message}`, { reason, cause: error });
  }
}

function unsendable(field: string, why: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `cannot encode ${field}: ${why}`, { reason: Reason.UNENCODABLE });
}

/** The handles that came with one message, while it is decoded. */
class Arrived implements HandleFinder {
  readonly #came: readonly Handle[];
  readonly named = new Set<Handle>();

  constructor(came: readonly Handle[]) {
    this.#came = came;
  }

  find(number: number, field: string): Handle {
    const handle = this.#came[number - 1];
    const all = this.#came.length;
    if (handle === undefined) {
      const came = all === 0 ? 'none' : all === 1 ? 'one' : `only ${all}`;
      throw undecodable(field, `it names handle ${number} of the message, and ${came} came with it`);
    }
    if (this.named.has(handle)) throw undecodable(field, `handle ${number} of the message has a field already`);
    this.named.add(handle);
    return handle;
  }
}

/** A message with what came with it. */
export interface Received<T> {
  readonly message: T;
  /** Those that are in its fields. */
  readonly inFields: readonly Handle[];
  /** The others. */
  readonly beside: readonly Handle[];
}

/**
 * Decodes a message that `came` with handles, for as long as its fields are read. When it throws, all of them stay the
 * caller's. Those of fields that a later one has overwritten are closed.
 */
export function decodeReceived<T>(
  type: MessageType<T>,
  bytes: Buffer,
  start: number,
  end: number,
  came: readonly Handle[],
): Received<T> {
  const arrived = new Arrived(came);
  const before = handleFields.finder;
  handleFields.finder = arrived;
  let message: T;
  try {
    message = type.decode(bytes, start, end);
  } finally {
    handleFields.finder = before;
  }
  const { named } = arrived;
  if (named.size === 0) return { message, inFields: NO_HANDLES, beside: came };
  const inFields = handlesIn(message);
  const kept = new Set(inFields);
  for (const handle of named) if (!kept.has(handle)) handle.close();
  return { message, inFields, beside: came.filter((handle) => !named.has(handle)) };
}

/** As `decodeReceived`, of a message of `link` beside whose fields no handles are expected. */
export function decodeItem<T>(
  type: MessageType<T>,
  bytes: Buffer,
  start: number,
  end: number,
  link: Link,
): Received<T> {
  const came = link.takeHandles();
  try {
    const received = decodeReceived(type, bytes, start, end, came);
    closeAll(received.beside);
    return received;
  } catch (error) {
    closeAll(came);
    throw error;
  }
}

/** Closes the handles in the fields of a message that nobody will get. */
export function closeUnsent(type: MessageType<unknown>, message: unknown): void {
  if (hasHandleFields(type.schema)) closeAll(handlesIn(message));
}
