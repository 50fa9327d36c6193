import { describe, expect, it } from 'vitest';
import {
  bytes,
  DELIMITED,
  type Decoder,
  END,
  FIXED32,
  FIXED64,
  GROUP,
  problem,
  read,
  tag,
  text,
  VARINT,
} from './testing/by-hand.js';
import { Awkward, Choices, Lists, Maps, Nothing, Optionals, Scalars, Tree } from './testing/gen/everything.js';
import { Part, Record } from './testing/gen/legacy.js';

describe('of a field that occurs more than once', () => {
  it('a scalar keeps the last value', () => {
    expect(read(Scalars, tag(3, VARINT), 1, tag(3, VARINT), 2).fInt32).toBe(2);
    expect(read(Scalars, tag(14, DELIMITED), text('a'), tag(14, DELIMITED), text('')).fString).toBe('');
  });

  it('a message is merged: scalars replaced, lists joined, messages merged in turn', () => {
    const [first, second] = [
      bytes(
        tag(1, VARINT),
        2,
        tag(4, DELIMITED),
        text(bytes(tag(1, VARINT), 8)),
        tag(2, DELIMITED),
        text(bytes(tag(1, VARINT), 4)),
      ),
      bytes(tag(4, DELIMITED), text(''), tag(2, DELIMITED), text(bytes(tag(3, DELIMITED), text('')))),
    ];
    const tree = read(Tree, tag(2, DELIMITED), text(first), tag(2, DELIMITED), text(second));
    expect(tree.left).toMatchObject({
      value: 1,
      children: [{ value: 4 }, { value: 0 }],
      left: { value: 2, right: { value: 0 } },
    });
  });

  it('a message in a oneof is merged when it is chosen again, and replaced when another was between', () => {
    const member = (content: Buffer) => bytes(tag(10, DELIMITED), text(content));
    const [id, name] = [bytes(tag(3, VARINT), 7), bytes(tag(14, DELIMITED), text('x'))];
    expect(read(Choices, member(id), member(name)).choice).toMatchObject({
      case: 'fMessage',
      value: { fInt32: 7, fString: 'x' },
    });
    const between = bytes(tag(6, VARINT), 1);
    expect(read(Choices, member(id), between, member(name)).choice).toMatchObject({
      value: { fInt32: 0, fString: 'x' },
    });
    expect(read(Choices, member(id), between).choice).toEqual({ case: 'fBool', value: true });
  });

  it('a map keeps the last entry of a key, whole', () => {
    const entry = (content: Buffer) =>
      bytes(tag(13, DELIMITED), text(bytes(tag(1, DELIMITED), text('k'), tag(2, DELIMITED), text(content))));
    const maps = read(Maps, entry(bytes(tag(3, VARINT), 7)), entry(bytes(tag(14, DELIMITED), text('x'))));
    expect([...maps.messages]).toMatchObject([['k', { fInt32: 0, fString: 'x' }]]);
  });
});

it('takes lists of numbers packed and not, mixed', () => {
  const { fInt32 } = read(
    Lists,
    tag(3, VARINT),
    1,
    tag(3, DELIMITED),
    text(bytes(2, 3)),
    tag(3, VARINT),
    4,
    tag(3, DELIMITED),
    text(''),
  );
  expect(fInt32).toEqual([1, 2, 3, 4]);
});

it('fills in the key or value that a map entry lacks', () => {
  const entry = (number: number, ...parts: (number | Buffer)[]) => bytes(tag(number, DELIMITED), text(bytes(...parts)));
  const maps = read(Maps, entry(1), entry(4, tag(2, VARINT), 5), entry(12, tag(1, DELIMITED), text('k')), entry(13));
  expect(maps).toMatchObject({
    byInt32: new Map([[0, 0]]),
    byUint64: new Map([[0n, 5n]]),
    byString: new Map([['k', 0]]),
  });
  expect(maps.messages.get('')).toMatchObject({ fInt32: 0 });
});

it('treats a known field of another wire type as unknown', () => {
  const scalars = read(
    Scalars,
    tag(3, FIXED32),
    Buffer.alloc(4, 1),
    tag(14, VARINT),
    5,
    tag(1, DELIMITED),
    text('12345678'),
    tag(2, FIXED64),
    Buffer.alloc(8, 1),
  );
  expect(scalars).toEqual(read(Scalars));
});

it('skips unknown fields of every kind, groups with what is in them', () => {
  const inside = [
    tag(1, GROUP),
    tag(2, VARINT),
    1,
    tag(1, END),
    tag(5, FIXED32),
    Buffer.alloc(4),
    tag(6, DELIMITED),
    text('xx'),
  ];
  const unknown = [
    tag(900, VARINT),
    200,
    1,
    tag(900, FIXED64),
    Buffer.alloc(8),
    tag(900, GROUP),
    ...inside,
    tag(900, END),
  ];
  for (const type of [Nothing, Scalars, Awkward] as Decoder<unknown>[])
    expect(read(type, ...unknown)).toEqual(read(type));
  expect(read(Scalars, ...unknown, tag(3, VARINT), 9).fInt32).toBe(9);
});

it('drops numbers that a closed enum does not name, and keeps those of an open one', () => {
  const id = [tag(1, VARINT), 1];
  const record = read(
    Record,
    ...id,
    tag(5, VARINT),
    3,
    tag(8, VARINT),
    2,
    tag(8, VARINT),
    4,
    tag(9, DELIMITED),
    text(bytes(1, 3, 5)),
  );
  expect(record).toMatchObject({ kind: undefined, kinds: [2], packedKinds: [1, 5] });
  const entry = (value: number) => bytes(tag(13, DELIMITED), text(bytes(tag(1, VARINT), 7, tag(2, VARINT), value)));
  expect(read(Record, ...id, entry(2), entry(9)).kindOf).toEqual(new Map([[7, 2]]));
  const choice = (value: number) => bytes(tag(15, VARINT), value);
  expect(read(Record, ...id, choice(1), choice(9)).choice).toEqual({ case: 'chosenKind', value: 1 });
  expect(read(Scalars, tag(16, VARINT), 99).fColor).toBe(99);
});

it('reads negative numbers from ten bytes, and from five', () => {
  const ten = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
  const five = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]);
  for (const value of [ten, five]) expect(read(Scalars, tag(3, VARINT), value).fInt32).toBe(-2);
  expect(read(Scalars, tag(16, VARINT), ten, tag(4, VARINT), ten)).toMatchObject({ fColor: -2, fInt64: -2n });
});

it('reads numbers and tags that are longer than they need be', () => {
  expect(read(Scalars, Buffer.from([0x98, 0x80, 0x00]), Buffer.from([0x85, 0x80, 0x00])).fInt32).toBe(5);
  expect(read(Scalars, tag(13, VARINT), Buffer.from([0x80, 0x01])).fBool).toBe(true);
});

it('keeps a minus before zero', () => {
  const content = Buffer.alloc(Scalars.size({ fDouble: -0, fFloat: -0 }));
  Scalars.encode({ fDouble: -0, fFloat: -0 }, content, 0);
  const { fDouble, fFloat } = read(Scalars, content);
  expect([Object.is(fDouble, -0), Object.is(fFloat, -0)]).toEqual([true, true]);
});

it('knows an explicit zero from nothing', () => {
  expect(read(Optionals, tag(3, VARINT), 0)).toMatchObject({ fInt32: 0, fInt64: undefined });
});

describe('text', () => {
  it('that is not UTF-8 is an error in proto3, and mended in proto2', () => {
    for (const content of [
      Buffer.from([0xff]),
      Buffer.from('ü'.repeat(20)).subarray(1),
      Buffer.from([0xed, 0xa0, 0x80]),
    ]) {
      expect(problem(Scalars, tag(14, DELIMITED), text(content))).toBe(
        'cannot decode every.Scalars.f_string: its bytes are not UTF-8',
      );
    }
    expect(read(Part, tag(1, DELIMITED), text(Buffer.from([0x61, 0xff]))).text).toBe('a\uFFFD');
  });

  it('may hold U+FFFD, a byte order mark, and NUL', () => {
    for (const value of ['\uFFFD', '\uFEFFx', 'a\0b', '\uFFFD'.repeat(30)]) {
      expect(read(Scalars, tag(14, DELIMITED), text(Buffer.from(value))).fString).toBe(value);
    }
  });
});

it('copies bytes: what was read stays when the memory is used again', () => {
  for (const length of [1, 40, 64, 65, 5000]) {
    const content = bytes(tag(15, DELIMITED), text(Buffer.alloc(length, 7)));
    const { fBytes } = Scalars.decode(content, 0, content.length);
    content.fill(0);
    expect(Object.getPrototypeOf(fBytes)).toBe(Uint8Array.prototype);
    expect([fBytes.length, fBytes.buffer.byteLength, fBytes.every((byte) => byte === 7)]).toEqual([
      length,
      length,
      true,
    ]);
  }
});
