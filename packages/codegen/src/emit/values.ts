/** What the emitters know of each kind of value. */
import type { FieldModel, ScalarType, ValueModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';

const VARINT = 0;
const FIXED64 = 1;
export const DELIMITED = 2;
export const GROUP = 3;
export const GROUP_END = 4;
const FIXED32 = 5;

const wireTypes: Readonly<Record<ScalarType, number>> = {
  double: FIXED64,
  float: FIXED32,
  int32: VARINT,
  int64: VARINT,
  uint32: VARINT,
  uint64: VARINT,
  sint32: VARINT,
  sint64: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  sfixed32: FIXED32,
  sfixed64: FIXED64,
  bool: VARINT,
  string: DELIMITED,
  bytes: DELIMITED,
  handle: DELIMITED,
};

/** The wire type of one value of a field. */
export function wireType(value: ValueModel): number {
  if (value.kind === 'scalar') return wireTypes[value.scalar];
  return value.kind === 'enum' ? VARINT : DELIMITED;
}

/** Bytes of every value of a type, or undefined when they differ. */
export function fixedBytes(value: ValueModel): number | undefined {
  const wire = wireType(value);
  return wire === FIXED32 ? 4 : wire === FIXED64 ? 8 : undefined;
}

/** The bytes of a tag. */
export function tagBytes(number: number, wire: number): number[] {
  const bytes: number[] = [];
  let rest = number * 8 + wire;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** The TypeScript type of one value. */
export function tsType(value: ValueModel, names: Names): string {
  if (value.kind !== 'scalar') return names.type(value);
  return value.scalar === 'handle' ? names.run('Handle') : scalarType(value.scalar);
}

export function scalarType(scalar: ScalarType): string {
  if (scalar === 'string') return 'string';
  if (scalar === 'bytes') return 'Uint8Array';
  if (scalar === 'bool') return 'boolean';
  return scalar.endsWith('64') ? 'bigint' : 'number';
}

/** The TypeScript type of a field's property, without `undefined`. */
export function fieldType(field: FieldModel, names: Names): string {
  const type = tsType(field.value, names);
  if (field.key !== undefined) return `Map<${scalarType(field.key)}, ${type}>`;
  return field.shape === 'repeated' ? `${type}[]` : type;
}

/** The value of an absent field, as source. */
export function zero(value: ValueModel, names: Names): string {
  if (value.kind === 'enum') return '0';
  if (value.kind === 'message' || value.scalar === 'handle') return 'undefined';
  if (value.scalar === 'bytes') return names.run('NO_BYTES');
  const type = scalarType(value.scalar);
  return type === 'string' ? "''" : type === 'boolean' ? 'false' : type === 'bigint' ? '0n' : '0';
}

/** The end of a runtime function's name: `Int32` of `readInt32`. */
export function suffix(value: Exclude<ValueModel, { kind: 'message' }>): string {
  return value.kind === 'enum' ? 'Enum' : capitalised(value.scalar);
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The runtime function that reads one scalar or enum. */
export function reader(value: Exclude<ValueModel, { kind: 'message' }>, strictUtf8: boolean, names: Names): string {
  const loose = value.kind === 'scalar' && value.scalar === 'string' && !strictUtf8;
  return names.run(loose ? 'readLooseString' : `read${suffix(value)}`);
}
