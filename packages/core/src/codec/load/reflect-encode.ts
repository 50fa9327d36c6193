/** From the shapes of generated code to what protobufjs encodes. Checks values with the same words as direct codecs. */
import type protobuf from 'protobufjs';
import type { FieldModel, MessageModel, OneofModel, ScalarType, ValueModel } from '../proto/model.js';
import * as wire from '../wire/index.js';

/** A protobufjs message: its fields under their names in the .proto. */
export type Reflected = Record<string, unknown>;
type Init = Readonly<Record<string, unknown>>;

/** The `size` of each scalar is also its check. */
const checks: Readonly<Record<ScalarType, (value: never, field: string) => number>> = {
  double: wire.sizeDouble,
  float: wire.sizeFloat,
  int32: wire.sizeInt32,
  int64: wire.sizeInt64,
  uint32: wire.sizeUint32,
  uint64: wire.sizeUint64,
  sint32: wire.sizeSint32,
  sint64: wire.sizeSint64,
  fixed32: wire.sizeFixed32,
  fixed64: wire.sizeFixed64,
  sfixed32: wire.sizeSfixed32,
  sfixed64: wire.sizeSfixed64,
  bool: wire.sizeBool,
  string: wire.sizeString,
  bytes: wire.sizeBytes,
  handle: wire.sizeHandle,
};

export function toReflected(model: MessageModel, message: unknown, depth: number): Reflected {
  wire.checkMessage(message, depth, model.typeName);
  const init = message as Init;
  // A protobufjs message type makes its own objects, with defaults in their prototype.
  const reflected = model.reflected.create() as unknown as Reflected;
  for (const field of model.fields) {
    if (field.oneof !== undefined) continue;
    const value = init[field.localName];
    if (value !== undefined) set(reflected, field.name, fieldValue(field, value, depth));
    else if (field.presence === 'required') throw wire.missingToEncode(field.fullName);
  }
  for (const oneof of model.oneofs) {
    const value = init[oneof.localName];
    if (value !== undefined) setCase(reflected, oneof, value, depth);
  }
  return reflected;
}

function setCase(reflected: Reflected, oneof: OneofModel, value: unknown, depth: number): void {
  wire.checkOneof(value, oneof.fullName);
  const chosen = value as { readonly case: unknown; readonly value: unknown };
  const field = oneof.fields.find(({ localName }) => localName === chosen.case);
  if (field === undefined) throw wire.unknownCase(value, oneof.fullName);
  set(reflected, field.name, oneValue(field.value, chosen.value, field.fullName, depth));
}

/** As an own property, whatever the name. */
function set(reflected: Reflected, name: string, value: unknown): void {
  Object.defineProperty(reflected, name, { value, enumerable: true, configurable: true, writable: true });
}

function fieldValue(field: FieldModel, value: unknown, depth: number): unknown {
  if (field.shape === 'repeated') {
    wire.checkList(value, field.fullName);
    return Array.from(value as readonly unknown[], (item) => oneValue(field.value, item, field.fullName, depth));
  }
  if (field.shape === 'singular') return oneValue(field.value, value, field.fullName, depth);
  wire.checkMap(value, field.fullName);
  const entries: Record<string, unknown> = Object.create(null);
  for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
    checks[field.key!](key as never, field.fullName);
    entries[String(key)] = oneValue(field.value, item, field.fullName, depth);
  }
  return entries;
}

function oneValue(model: ValueModel, value: unknown, field: string, depth: number): unknown {
  if (model.kind === 'message') return toReflected(model, value, depth + 1);
  if (model.kind === 'scalar' && model.scalar === 'handle')
    return { number: wire.numberHandle(value as wire.Handle, field) };
  if (model.kind === 'enum') wire.sizeEnum(value as number, field);
  else checks[model.scalar](value as never, field);
  if (value instanceof Uint8Array) return wire.referred(value);
  return typeof value === 'bigint' ? toLong(value) : value;
}

/** protobufjs takes 64-bit integers as two words. */
function toLong(value: bigint): protobuf.util.LongBits | object {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false };
}
