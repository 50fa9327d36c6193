import type { FieldSchema, MessageInit, MessageSchema, MessageType } from './contract.js';

/**
 * A message type with a direct codec. The parameters beyond the contract's are for generated code, where a message
 * holds another: leave them out.
 */
export interface DirectMessageType<T> extends MessageType<T> {
  /** `depth`: how many messages this one is inside of. */
  size(message: MessageInit<T>, depth?: number): number;
  /** `base`: what was read of the same field before; a message field that occurs twice is merged. */
  decode(bytes: Buffer, start: number, end: number, depth?: number, base?: T): T;
  /** Throws when a required field (proto2) is missing, here or deeper; absent when no field is required. */
  readonly checkRequired: ((message: T) => void) | undefined;
}

/** The parts of a message type, as generated code gives them. */
export interface DirectMessageParts<T> {
  readonly typeName: string;
  readonly fields: readonly FieldSchema[];
  readonly size: DirectMessageType<T>['size'];
  readonly encode: DirectMessageType<T>['encode'];
  readonly decode: DirectMessageType<T>['decode'];
  readonly bound?: DirectMessageType<T>['bound'];
  readonly pack?: DirectMessageType<T>['pack'];
  readonly checkRequired?: (message: T) => void;
}

/** Puts a generated codec together. All message types have one hidden class, so that calling them stays monomorphic. */
export function defineMessage<T>(parts: DirectMessageParts<T>): DirectMessageType<T> {
  const { typeName, fields, size, encode, decode, bound, pack, checkRequired } = parts;
  const schema: MessageSchema = Object.freeze({ typeName, fields });
  return Object.freeze({ typeName, size, encode, decode, schema, bound, pack, checkRequired });
}

/** The schema of a map's entries, which are messages of two fields. */
export function mapEntry(
  typeName: string,
  key: string,
  value: string,
  message?: () => MessageSchema,
): () => MessageSchema {
  const valueField = { number: 2, name: 'value', type: value, repeated: false };
  const schema: MessageSchema = {
    typeName,
    fields: [
      { number: 1, name: 'key', type: key, repeated: false },
      message === undefined ? valueField : { ...valueField, message },
    ],
  };
  return () => schema;
}
