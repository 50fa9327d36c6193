import { describe, expect, it } from 'vitest';
import type { FieldSchema, MessageSchema } from './contract.js';
import { compareSchemas } from './schema.js';

type Entry = string | (() => MessageSchema);

/** A schema from `number: [name, type]`; a type is a scalar, `repeated scalar`, or the thunk of a message. */
function message(
  typeName: string,
  entries: Readonly<Record<number, readonly [string, Entry, 'repeated'?]>>,
): MessageSchema {
  const fields = Object.entries(entries).map(([number, [name, type, repeated]]): FieldSchema => {
    const base = { number: Number(number), name, repeated: repeated !== undefined };
    return typeof type === 'string' ? { ...base, type } : { ...base, type: 'message', message: type };
  });
  return { typeName, fields };
}

const one = (type: Entry, repeated?: 'repeated') =>
  message('geo.M', { 2: repeated === undefined ? ['limit', type] : ['limit', type, repeated] });
const compare = (here: Entry, there: Entry) => compareSchemas(one(here), one(there));

it('says nothing of schemas that are the same', () => {
  expect(compare('uint32', 'uint32')).toBeUndefined();
});

it('names message, number, name and both types of the first incompatibility', () => {
  const here = message('geo.LookUpRequest', { 1: ['name', 'string'], 2: ['limit', 'uint32'], 3: ['x', 'bool'] });
  const there = message('geo.LookUpRequest', { 1: ['name', 'string'], 2: ['limit', 'string'], 3: ['x', 'double'] });
  expect(compareSchemas(here, there)).toBe('geo.LookUpRequest field 2: "limit" is uint32 here and string there');
});

it('names the field as both sides call it', () => {
  const there = message('geo.M', { 2: ['most', 'string'] });
  expect(compareSchemas(one('uint32'), there)).toBe('geo.M field 2: "limit" is uint32 here and "most", string there');
});

it('names messages by their types', () => {
  const city = message('geo.City', {});
  expect(compare(() => city, 'uint32')).toBe('geo.M field 2: "limit" is geo.City here and uint32 there');
});

it('takes fields that only one side has, and other names', () => {
  const here = message('geo.M', { 1: ['a', 'string'], 2: ['b', 'int32'] });
  const there = message('geo.N', { 2: ['other', 'int32'], 3: ['c', 'double'] });
  expect(compareSchemas(here, there)).toBeUndefined();
});

describe("takes and refuses what protobuf's rules for updates say", () => {
  const kinds =
    'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes enum';
  const families = [
    ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
    ['sint32', 'sint64'],
    ['fixed32', 'sfixed32'],
    ['fixed64', 'sfixed64'],
    ['string', 'bytes'],
  ];

  it.each(kinds.split(' '))('%s', (here) => {
    for (const there of kinds.split(' ')) {
      const same = here === there || families.some((family) => family.includes(here) && family.includes(there));
      expect(compare(here, there) === undefined, there).toBe(same);
    }
  });

  it('bytes for a message, but not a string', () => {
    const city = message('geo.City', {});
    expect(compare(() => city, 'bytes')).toBeUndefined();
    expect(compare('bytes', () => city)).toBeUndefined();
    expect(compare(() => city, 'string')).toBeDefined();
  });

  it('repeated for singular where values are never packed', () => {
    const city = () => message('geo.City', {});
    for (const type of ['string', 'bytes', city])
      expect(compareSchemas(one(type), one(type, 'repeated'))).toBeUndefined();
    expect(compareSchemas(one('int32', 'repeated'), one('int32'))).toBe(
      'geo.M field 2: "limit" is repeated int32 here and int32 there',
    );
  });

  it('never a group for a message', () => {
    const group: MessageSchema = {
      typeName: 'geo.M',
      fields: [{ number: 2, name: 'limit', type: 'group', repeated: false, message: () => group }],
    };
    expect(
      compareSchemas(
        one(() => group),
        group,
      ),
    ).toBeDefined();
  });
});

it('looks into nested messages, and names the one with the difference', () => {
  const here = message('geo.M', { 1: ['city', () => message('geo.City', { 4: ['population', 'int64'] })] });
  const there = message('geo.M', { 1: ['city', () => message('geo.City', { 4: ['population', 'string'] })] });
  expect(compareSchemas(here, there)).toBe('geo.City field 4: "population" is int64 here and string there');
});

/** A message that contains itself, through `length` others. */
function ring(length: number, leaf: string): MessageSchema {
  const schemas: MessageSchema[] = [];
  for (let i = 0; i < length; i++) {
    schemas.push(
      message(`ring.M${i}`, {
        1: ['next', () => schemas[(i + 1) % length]!],
        2: ['leaf', i === length - 1 ? leaf : 'int32'],
      }),
    );
  }
  return schemas[0]!;
}

it('ends with types that contain themselves, however differently', () => {
  expect(compareSchemas(ring(3, 'int32'), ring(5, 'int32'))).toBeUndefined();
  expect(compareSchemas(ring(3, 'int32'), ring(5, 'string'))).toContain('is int32 here and string there');
});

it('does not run out of stack on types nested thousands deep', () => {
  expect(compareSchemas(ring(20_000, 'int32'), ring(20_000, 'string'))).toContain('ring.M19999 field 2');
});
