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
import { Lists, Maps, Nothing, Scalars, Tree } from './testing/gen/everything.js';
import { Record } from './testing/gen/legacy.js';

describe('required fields', () => {
  it('may come in parts of a message, and are looked for once all is read', () => {
    const part = (content: Buffer) => bytes(tag(10, DELIMITED), text(content));
    const record = read(Record, part(Buffer.alloc(0)), tag(1, VARINT), 5, part(bytes(tag(1, DELIMITED), text('t'))));
    expect(record).toMatchObject({ id: 5, part: { text: 't' } });
  });

  it('that are missing are told by name, wherever', () => {
    const missing = (field: string) => `cannot decode legacy.${field}: it is required, and missing`;
    const id = [tag(1, VARINT), 1];
    const empty = text('');
    expect(problem(Record)).toBe(missing('Record.id'));
    for (const number of [10, 11, 14])
      expect(problem(Record, ...id, tag(number, DELIMITED), empty)).toBe(missing('Part.text'));
    expect(problem(Record, ...id, tag(12, DELIMITED), empty)).toBe(missing('Part.text'));
    expect(problem(Record, ...id, tag(17, GROUP), tag(17, END))).toBe(missing('Record.Box.width'));
    expect(problem(Record, ...id, tag(23, DELIMITED), empty)).toBe(missing('Foreign.needed'));
  });
});

describe('messages nested too deeply', () => {
  const nested = (depth: number, number: number) => {
    let content: Buffer = Buffer.alloc(0);
    for (let i = 0; i < depth; i++) content = bytes(tag(number, DELIMITED), text(content));
    return content;
  };
  const groups = (depth: number) => bytes(Buffer.alloc(depth, tag(7, GROUP)), Buffer.alloc(depth, tag(7, END)));
  const words = /^cannot decode every\.\w+: messages are nested more than 100 deep$/;

  it('are read up to 100 deep, and no deeper', () => {
    for (const field of [2, 4]) {
      expect(() => read(Tree, nested(100, field))).not.toThrow();
      expect(problem(Tree, nested(101, field))).toMatch(words);
    }
  });

  it('are counted with the groups around them, known or not', () => {
    expect(read(Nothing, groups(100))).toEqual({});
    expect(problem(Nothing, groups(101))).toMatch(words);
    expect(problem(Nothing, groups(100_000))).toMatch(words);
    expect(problem(Tree, tag(2, DELIMITED), text(groups(100)))).toMatch(words);
  });
});

describe('bytes that are no message', () => {
  it.each<[string, Decoder<unknown>, readonly (number | Buffer)[], string]>([
    [
      'a varint of 11 bytes',
      Scalars,
      [tag(3, VARINT), Buffer.alloc(11, 0x80), 0],
      'every.Scalars.f_int32: a varint is longer than 10 bytes',
    ],
    [
      'an unknown one',
      Nothing,
      [tag(3, VARINT), Buffer.alloc(11, 0x80), 0],
      'every.Nothing: a varint is longer than 10 bytes',
    ],
    ['field number 0', Scalars, [0, 1], 'every.Scalars: field number 0'],
    ['field number 0, longer', Nothing, [0x80, 0, 1], 'every.Nothing: field number 0'],
    [
      'a field number too large',
      Nothing,
      [Buffer.alloc(4, 0x80), 0x10],
      'every.Nothing: a field number is larger than 2^29 - 1',
    ],
    ['wire type 6', Scalars, [tag(3, 6)], 'every.Scalars: there is no wire type 6'],
    ['wire type 7', Nothing, [tag(3, 7)], 'every.Nothing: there is no wire type 7'],
    ['the end of no group', Scalars, [tag(3, END)], 'every.Scalars: a group ends that was not begun'],
    [
      'the end of another group',
      Nothing,
      [tag(3, GROUP), tag(4, END)],
      'every.Nothing: a group ends that was not begun',
    ],
    [
      'a group without an end',
      Nothing,
      [tag(3, GROUP), tag(4, VARINT), 1],
      'every.Nothing: the message ends in the middle of it',
    ],
    [
      'a length past the end',
      Scalars,
      [tag(14, DELIMITED), 2, 65],
      'every.Scalars.f_string: the message ends in the middle of it',
    ],
    [
      'a length past the end of bytes',
      Scalars,
      [tag(15, DELIMITED), 0x80, 0x10],
      'every.Scalars.f_bytes: the message ends in the middle of it',
    ],
    [
      'a length of 4 GiB',
      Scalars,
      [tag(14, DELIMITED), Buffer.alloc(4, 0xff), 0x0f],
      'every.Scalars.f_string: a length is larger than 2 GiB',
    ],
    ['a missing length', Scalars, [tag(14, DELIMITED)], 'every.Scalars.f_string: the message ends in the middle of it'],
    [
      'half a double',
      Scalars,
      [tag(1, FIXED64), Buffer.alloc(7)],
      'every.Scalars.f_double: the message ends in the middle of it',
    ],
    [
      'half a fixed32',
      Scalars,
      [tag(9, FIXED32), Buffer.alloc(3)],
      'every.Scalars.f_fixed32: the message ends in the middle of it',
    ],
    ['half a tag', Scalars, [0x80], 'every.Scalars: the message ends in the middle of it'],
    [
      'a packed list that ends in a number',
      Lists,
      [tag(3, DELIMITED), text(Buffer.from([1, 0x80]))],
      'every.Lists.f_int32: the message ends in the middle of it',
    ],
    [
      'a packed list that ends in a double',
      Lists,
      [tag(1, DELIMITED), text(Buffer.alloc(9))],
      'every.Lists.f_double: the message ends in the middle of it',
    ],
    [
      'a map entry that ends in its key',
      Maps,
      [tag(12, DELIMITED), text(bytes(tag(1, DELIMITED), 9))],
      'every.Maps.by_string: the message ends in the middle of it',
    ],
    [
      'a nested message that ends early',
      Tree,
      [tag(2, DELIMITED), text(bytes(tag(2, DELIMITED), 1))],
      'every.Tree.left: the message ends in the middle of it',
    ],
  ])('%s', (_, type, parts, expected) => {
    expect(problem(type, ...parts)).toBe(`cannot decode ${expected}`);
  });

  it('nor is a span that reaches past its buffer', () => {
    expect(() => Scalars.decode(Buffer.from([24, 1]), 0, 9)).toThrow(/^cannot decode every.Scalars/);
    expect(() => Scalars.decode(Buffer.from([24]), 0, 9)).toThrow(/^cannot decode every.Scalars/);
  });
});
