/** From what protobufjs decoded to the shapes of generated code. */
import type { FieldModel, MessageModel, OneofModel, ScalarType, ValueModel } from '../proto/model.js';
import { findHandle, NO_BYTES, REFERENCE_BYTES, references } from '../wire/index.js';
import type { Reflected } from './reflect-encode.js';

export function fromReflected(model: MessageModel, reflected: Reflected): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  const done = new Set<OneofModel>();
  for (const field of model.fields) {
    const { oneof } = field;
    if (oneof === undefined) message[field.localName] = fieldValue(field, reflected);
    else if (!done.has(oneof)) {
      done.add(oneof);
      message[oneof.localName] = caseValue(oneof, reflected);
    }
  }
  return message;
}

/** The last member that was read: protobufjs gives its name under the oneof's. */
function caseValue(oneof: OneofModel, reflected: Reflected): unknown {
  const field = oneof.fields.find(({ name }) => name === reflected[oneof.name]);
  return field && { case: field.localName, value: oneValue(field, reflected[field.name]) };
}

function fieldValue(field: FieldModel, reflected: Reflected): unknown {
  const present = Object.hasOwn(reflected, field.name);
  const value = reflected[field.name];
  if (field.shape === 'repeated') return present ? (value as unknown[]).map((item) => oneValue(field, item)) : [];
  if (field.shape === 'map') {
    const entries = Object.entries(present ? (value as Record<string, unknown>) : {});
    return new Map(entries.map(([key, item]) => [mapKey(field.key!, key), oneValue(field, item)]));
  }
  if (present) return oneValue(field, value);
  return field.presence === 'implicit' ? zero(field.value) : undefined;
}

function zero(model: ValueModel): unknown {
  if (model.kind !== 'scalar') return 0;
  if (model.scalar === 'string') return '';
  if (model.scalar === 'bytes') return NO_BYTES;
  if (model.scalar === 'bool') return false;
  return isLong(model.scalar) ? 0n : 0;
}

function oneValue({ value: model, fullName }: FieldModel, value: unknown): unknown {
  if (model.kind === 'message') return fromReflected(model, value as Reflected);
  if (model.kind === 'enum') return value;
  if (model.scalar === 'handle') return findHandle((value as { number?: number } | null)?.number ?? 0, fullName);
  if (isLong(model.scalar)) return fromLong(value as Long, model.scalar);
  if (model.scalar !== 'bytes') return value;
  // protobufjs gives a view of what it reads from.
  const bytes = value as Uint8Array;
  const { resolver } = references;
  const elsewhere = bytes.length === REFERENCE_BYTES ? resolver?.resolve(bytes, 0) : undefined;
  if (elsewhere !== undefined) return elsewhere;
  return bytes.length === 0 ? NO_BYTES : new Uint8Array(bytes);
}

interface Long {
  readonly low: number;
  readonly high: number;
}

function isLong(scalar: ScalarType): boolean {
  return scalar.endsWith('64');
}

function fromLong({ low, high }: Long, scalar: ScalarType): bigint {
  const bits = (BigInt(high) << 32n) | BigInt(low >>> 0);
  return scalar === 'uint64' || scalar === 'fixed64' ? BigInt.asUintN(64, bits) : BigInt.asIntN(64, bits);
}

/** protobufjs keeps maps as objects: 64-bit keys as eight characters, each a byte of the number; others in words. */
function mapKey(scalar: ScalarType, key: string): unknown {
  if (scalar === 'string') return key;
  if (scalar === 'bool') return key === 'true';
  if (!isLong(scalar)) return Number(key);
  if (key.length !== 8) return BigInt(key); // An entry that has no key: its key is zero.
  const bytes = Buffer.from(key, 'latin1');
  return scalar === 'uint64' || scalar === 'fixed64' ? bytes.readBigUInt64LE() : bytes.readBigInt64LE();
}
