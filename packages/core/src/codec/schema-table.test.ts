import { describe, expect, it } from 'vitest';
import { RpcError } from '../errors/index.js';
import type { MessageSchema } from './contract.js';
import { mapEntry } from './message-type.js';
import { compareSchemas } from './schema.js';
import { describeSchemas, parseSchemas } from './schema-table.js';

const tree: MessageSchema = {
  typeName: 'a.Tree',
  fields: [
    { number: 1, name: 'value', type: 'int32', repeated: false },
    { number: 2, name: 'children', type: 'message', repeated: true, message: () => tree },
    {
      number: 3,
      name: 'named',
      type: 'message',
      repeated: true,
      message: mapEntry('a.Tree.NamedEntry', 'string', 'message', () => tree),
    },
  ],
};
const leaf: MessageSchema = {
  typeName: 'a.Leaf',
  fields: [{ number: 7, name: 'tree', type: 'group', repeated: false, message: () => tree }],
};

it('describes each message once, and recursive ones too', () => {
  expect(describeSchemas([leaf, tree, leaf])).toEqual({
    roots: [0, 1, 0],
    messages: [
      ['a.Leaf', [7, 'tree', 'group', 0, 1]],
      ['a.Tree', [1, 'value', 'int32', 0], [2, 'children', 'message', 1, 1], [3, 'named', 'message', 1, 2]],
      ['a.Tree.NamedEntry', [1, 'key', 'string', 0], [2, 'value', 'message', 0, 1]],
    ],
  });
});

it('comes back the same after a journey as JSON', () => {
  const table = describeSchemas([leaf, tree]);
  const parsed = parseSchemas(JSON.parse(JSON.stringify(table)));
  expect(parsed.map(({ typeName }) => typeName)).toEqual(['a.Leaf', 'a.Tree']);
  expect(describeSchemas(parsed)).toEqual(table);
  expect(compareSchemas(leaf, parsed[0]!)).toBeUndefined();
  expect(compareSchemas(leaf, parsed[1]!)).toBeUndefined();
  expect(compareSchemas(tree, parsed[1]!)).toBeUndefined();
});

describe('refuses what no description could be, saying what', () => {
  const field = (...row: readonly unknown[]) => ({ roots: [0], messages: [['a.M', row]] });
  it.each([
    ['nothing', undefined, 'it is no table of messages'],
    ['a list', [], 'it is no table of messages'],
    ['no roots', { messages: [] }, 'it is no table of messages'],
    ['roots that are no numbers', { roots: ['0'], messages: [['a.M']] }, 'a root is no message of the table'],
    ['roots beyond the table', { roots: [1], messages: [['a.M']] }, 'a root is no message of the table'],
    ['roots below it', { roots: [-1], messages: [['a.M']] }, 'a root is no message of the table'],
    ['messages that are no lists', { roots: [], messages: ['a.M'] }, 'a message has no name'],
    ['messages without names', { roots: [], messages: [[]] }, 'a message has no name'],
    ['endless names', { roots: [], messages: [['x'.repeat(513)]] }, 'a message has no name'],
    ['fields that are no lists', field(), 'a field of a.M has no number'],
    ['number 0', field(0, 'x', 'int32', 0), 'a field of a.M has no number'],
    ['a number too large', field(2 ** 29, 'x', 'int32', 0), 'a field of a.M has no number'],
    ['half a number', field(1.5, 'x', 'int32', 0), 'a field of a.M has no number'],
    ['no field name', field(1, null, 'int32', 0), 'field 1 of a.M is incomplete'],
    ['no repetition', field(1, 'x', 'int32', true), 'field 1 of a.M is incomplete'],
    ['an unknown type', field(1, 'x', 'int33', 0), 'field 1 of a.M has no type'],
    ['a type of every object', field(1, 'x', 'constructor', 0), 'field 1 of a.M has no type'],
    ['a message that is not there', field(1, 'x', 'message', 0, 5), 'field 1 of a.M has an unknown message type'],
    ['a message without a type', field(1, 'x', 'message', 0), 'field 1 of a.M has an unknown message type'],
    [
      'two fields of one number',
      { roots: [], messages: [['a.M', [1, 'x', 'int32', 0], [1, 'y', 'int32', 0]]] },
      'two fields of a.M have number 1',
    ],
    ['too many messages', { roots: [], messages: Array(10_001).fill(['a.M']) }, 'there are too many messages'],
    [
      'too many fields',
      {
        roots: [],
        messages: Array(101).fill(['a.M', ...Array.from({ length: 1000 }, (_, i) => [i + 1, 'x', 'int32', 0])]),
      },
      'there are too many fields',
    ],
  ])('%s', (_, table, problem) => {
    try {
      parseSchemas(table);
      expect.unreachable();
    } catch (error) {
      expect(RpcError.is(error) && [error.code, error.reason, error.failed, error.message]).toEqual([
        'DATA_LOSS',
        'PROTOCOL_VIOLATION',
        'channel',
        `the peer's message schemas can't be read: ${problem}`,
      ]);
    }
  });
});
