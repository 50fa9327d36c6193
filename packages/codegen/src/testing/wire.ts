/** Random bytes that look like a message: fields of its own and others, right and wrong wire types, parts in any order. */
import type { FieldModel, MessageModel } from '@callgate/core/codec/proto';
import fc from 'fast-check';

const [VARINT, FIXED64, DELIMITED, GROUP, GROUP_END, FIXED32] = [0, 1, 2, 3, 4, 5];

/** Mostly as an encoder would, sometimes padded, sometimes more than ten bytes long. */
const varint: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(300).map((value) => encodeVarint(BigInt(value))) },
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(encodeVarint) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.uint8Array({ maxLength: 10 }), fc.nat(127))
      .map(([head, last]) => Buffer.from([...head.map((byte) => byte | 128), last])),
  },
);

export function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return Buffer.from([...bytes, Number(value)]);
}

function tag(number: number, wire: number): Buffer {
  return encodeVarint(BigInt(number) * 8n + BigInt(wire));
}

function delimited(content: Uint8Array): Buffer {
  return Buffer.concat([encodeVarint(BigInt(content.length)), content]);
}

export function arbitraryWire(model: MessageModel, depth = 3): fc.Arbitrary<Buffer> {
  const known = model.fields.map((field) => arbitraryField(field, depth));
  const unknown = fc
    .tuple(
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1000, 536_870_911)),
      fc.constantFrom(0, 1, 2, 3, 5),
    )
    .chain(([number, wire]) => arbitraryPayload(number, wire, undefined, depth));
  const field = fc.oneof({ weight: 5, arbitrary: fc.oneof(...known, unknown) }, { weight: 1, arbitrary: unknown });
  return fc.array(field, { maxLength: depth === 3 ? 8 : 3 }).map((fields) => Buffer.concat(fields));
}

function arbitraryField(field: FieldModel, depth: number): fc.Arbitrary<Buffer> {
  const wires = [rightWire(field), rightWire(field), rightWire(field), DELIMITED, VARINT, FIXED32, FIXED64, GROUP];
  return fc.constantFrom(...wires).chain((wire) => arbitraryPayload(field.number, wire!, field, depth));
}

function rightWire({ value, key, group }: FieldModel): number {
  if (key !== undefined) return DELIMITED!;
  if (value.kind === 'message') return group ? GROUP! : DELIMITED!;
  if (value.kind === 'enum') return VARINT!;
  if (/^(string|bytes)$/.test(value.scalar)) return DELIMITED!;
  return /64$|double/.test(value.scalar) && /fixed|double/.test(value.scalar)
    ? FIXED64!
    : /fixed|float/.test(value.scalar)
      ? FIXED32!
      : VARINT!;
}

function arbitraryPayload(
  number: number,
  wire: number,
  field: FieldModel | undefined,
  depth: number,
): fc.Arbitrary<Buffer> {
  const head = tag(number, wire);
  return arbitraryContent(wire, field, depth).map((content) =>
    wire === GROUP ? Buffer.concat([head, content, tag(number, GROUP_END!)]) : Buffer.concat([head, content]),
  );
}

function arbitraryContent(wire: number, field: FieldModel | undefined, depth: number): fc.Arbitrary<Buffer> {
  if (wire === VARINT) return varint;
  if (wire === FIXED64 || wire === FIXED32) {
    const length = wire === FIXED64 ? 8 : 4;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));
  }
  const nested = depth === 0 ? fc.constant(Buffer.alloc(0)) : nestedWire(field, depth);
  if (wire === GROUP) return nested;
  return fc
    .oneof(
      nested,
      fc.array(varint, { maxLength: 4 }).map((values) => Buffer.concat(values)),
      fc.string({ unit: 'binary', maxLength: 20 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 24 }),
    )
    .map(delimited);
}

/** The inside of a message, a map entry, or of something unknown. */
function nestedWire(field: FieldModel | undefined, depth: number): fc.Arbitrary<Buffer> {
  if (field?.key !== undefined) {
    const base = { ...field, shape: 'singular', key: undefined } as const;
    const key: FieldModel = { ...base, number: 1, value: { kind: 'scalar', scalar: field.key } };
    const parts = [arbitraryField(key, depth - 1), arbitraryField({ ...base, number: 2 }, depth - 1)];
    return fc.array(fc.oneof(...parts), { maxLength: 4 }).map((entry) => Buffer.concat(entry));
  }
  if (field?.value.kind === 'message') return arbitraryWire(field.value, depth - 1);
  const one = fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 1, 2, 3, 5))
    .chain(([number, wire]) => arbitraryPayload(number, wire, undefined, depth - 1));
  return fc.array(one, { maxLength: 3 }).map((fields) => Buffer.concat(fields));
}
