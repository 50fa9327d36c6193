/** Random messages of any type, in the shapes of generated code. */
import type { FieldModel, MessageModel, OneofModel, ScalarType, ValueModel } from '@callgate/core/codec/proto';
import fc from 'fast-check';
import type { AnyMessage } from './fixtures.js';

const plain = { noNullPrototype: true } as const;
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.integer({ min: 0, max: 300 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 0, max: 100 }).map((length) => 'é'.repeat(length)),
  fc.constantFrom('', '__proto__', 'constructor', '7', '\uFFFD', '\uFEFFbom'),
);
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 300 }), fc.constantFrom(0, -(2 ** 31), 2 ** 31 - 1));
const uint32 = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 300 }));
const [min64, max64] = [-(2n ** 63n), 2n ** 63n - 1n];
const powers = fc.bigInt({ min: 0n, max: 63n }).map((bits) => 2n ** bits);
const int64 = fc.oneof(
  fc.bigInt({ min: min64, max: max64 }),
  fc.bigInt({ min: -3n, max: 300n }),
  powers.map((power) => -power),
  powers.map((power) => power - 1n),
  fc.constantFrom(min64, max64),
);
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), powers, fc.bigInt({ min: 0n, max: 300n }));

const scalars: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  double: fc.oneof(fc.double(), fc.constantFrom(0, -0)),
  float: fc.oneof(fc.float(), fc.constantFrom(0, -0)),
  int32,
  int64,
  uint32,
  uint64,
  sint32: int32,
  sint64: int64,
  fixed32: uint32,
  fixed64: uint64,
  sfixed32: int32,
  sfixed64: int64,
  bool: fc.boolean(),
  string: text,
  handle: fc.constant(undefined),
  bytes: fc.uint8Array({ maxLength: 200 }),
};

/** A complete message: every property there, as a decoder makes them. `depth` bounds how deeply messages nest. */
export function arbitraryMessage(model: MessageModel, depth = 3): fc.Arbitrary<AnyMessage> {
  const properties: [string, fc.Arbitrary<unknown>][] = model.fields
    .filter((field) => field.oneof === undefined)
    .map((field) => [field.localName, arbitraryField(field, depth)]);
  for (const oneof of model.oneofs) properties.push([oneof.localName, arbitraryOneof(oneof, depth)]);
  return fc.record(Object.fromEntries(properties), plain);
}

function arbitraryField(field: FieldModel, depth: number): fc.Arbitrary<unknown> {
  const deepest = field.value.kind === 'message' && depth === 0;
  if (field.key !== undefined) {
    if (deepest) return fc.constant(new Map());
    const entries = fc.array(fc.tuple(scalars[field.key], arbitraryValue(field.value, depth)), { maxLength: 4 });
    return entries.map((list) => inObjectOrder(new Map(list)));
  }
  if (field.shape === 'repeated') {
    return deepest ? fc.constant([]) : fc.array(arbitraryValue(field.value, depth), { maxLength: depth > 1 ? 5 : 2 });
  }
  if (field.presence !== 'explicit') return arbitraryValue(field.value, depth);
  return deepest ? fc.constant(undefined) : fc.option(arbitraryValue(field.value, depth), { nil: undefined });
}

function arbitraryOneof(oneof: OneofModel, depth: number): fc.Arbitrary<unknown> {
  const members = oneof.fields
    .filter((field) => depth > 0 || field.value.kind !== 'message')
    .map((field) =>
      fc.record({ case: fc.constant(field.localName), value: arbitraryValue(field.value, depth) }, plain),
    );
  return fc.option(fc.oneof(...members), { nil: undefined });
}

function arbitraryValue(value: ValueModel, depth: number): fc.Arbitrary<unknown> {
  if (value.kind === 'scalar') return scalars[value.scalar];
  if (value.kind === 'message') return arbitraryMessage(value, depth - 1);
  const named = fc.constantFrom(...value.values.map(({ number }) => number));
  return value.closed ? named : fc.oneof(named, int32);
}

/** protobufjs keeps maps as objects, which put whole numbers first. */
function inObjectOrder(map: ReadonlyMap<unknown, unknown>): Map<unknown, unknown> {
  const byName = new Map([...map.keys()].map((key) => [String(key), key]));
  const names: Record<string, true> = Object.create(null);
  for (const name of byName.keys()) names[name] = true;
  return new Map(Object.keys(names).map((name) => [byName.get(name), map.get(byName.get(name))]));
}

/** Properties that a message type leaves out are filled by its decoder with what they stand for. */
export function arbitraryPartial(model: MessageModel): fc.Arbitrary<AnyMessage> {
  const required = model.fields.filter((field) => field.presence === 'required').map((field) => field.localName);
  return fc.tuple(arbitraryMessage(model, 1), fc.array(fc.boolean())).map(([message, keep]) => {
    const kept = Object.entries(message).filter(([name], index) => required.includes(name) || keep[index] === true);
    return Object.fromEntries(kept);
  });
}
