import protobuf from 'protobufjs';
import { RpcError } from '../../errors/index.js';
import type { FieldSchema, MessageSchema, MessageType } from '../contract.js';
import { mapEntry } from '../message-type.js';
import type { FieldModel, MessageModel, ValueModel } from '../proto/model.js';
import { undecodable } from '../wire/index.js';
import { fromReflected } from './reflect-decode.js';
import { type Reflected, toReflected } from './reflect-encode.js';

/** A message whose type was not known when the program was built: properties as generated code has them. */
export type LoadedMessage = Record<string, unknown>;

/** Makes message types over protobufjs; each model's once, since schemas are compared by identity. */
export function createReflector(): (model: MessageModel) => MessageType<LoadedMessage> {
  const known = new Map<MessageModel, MessageType<LoadedMessage>>();
  const typeOf = (model: MessageModel): MessageType<LoadedMessage> => {
    const type = known.get(model) ?? reflect(model, typeOf);
    known.set(model, type);
    return type;
  };
  return typeOf;
}

function reflect(
  model: MessageModel,
  typeOf: (model: MessageModel) => MessageType<LoadedMessage>,
): MessageType<LoadedMessage> {
  const { typeName, reflected: type } = model;
  const write = (message: unknown): Uint8Array => type.encode(toReflected(model, message, 0)).finish();
  return Object.freeze({
    typeName,
    size: (message) => write(message).length,
    encode: (message, bytes, start) => {
      const encoded = write(message);
      bytes.set(encoded, start);
      return start + encoded.length;
    },
    decode: (bytes, start, end) => {
      const reader = protobuf.Reader.create(bytes.subarray(start, end));
      reader.discardUnknown = true;
      try {
        return fromReflected(model, type.decode(reader) as unknown as Reflected);
      } catch (error) {
        throw RpcError.is(error)
          ? error
          : undecodable(typeName, error instanceof Error ? error.message : String(error));
      }
    },
    schema: schemaOf(model, (nested) => typeOf(nested).schema),
  } satisfies MessageType<LoadedMessage>);
}

function schemaOf(model: MessageModel, schema: (model: MessageModel) => MessageSchema): MessageSchema {
  return Object.freeze({ typeName: model.typeName, fields: model.fields.map((field) => fieldSchema(field, schema)) });
}

function fieldSchema(field: FieldModel, schema: (model: MessageModel) => MessageSchema): FieldSchema {
  const { number, name, value, key, entryName } = field;
  const message = value.kind === 'message' ? () => schema(value) : undefined;
  const base = { number, name, repeated: field.shape !== 'singular' };
  if (key !== undefined && entryName !== undefined) {
    return { ...base, type: 'message', message: mapEntry(entryName, key, typeWord(field), message) };
  }
  return message === undefined ? { ...base, type: typeWord(field) } : { ...base, type: typeWord(field), message };
}

function typeWord({ value, group }: { readonly value: ValueModel; readonly group: boolean }): string {
  if (value.kind === 'scalar') return value.scalar;
  return group ? 'group' : value.kind;
}
