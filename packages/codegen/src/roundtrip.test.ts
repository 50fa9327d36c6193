import { describeSchemas } from '@callgate/core/codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMessage, arbitraryPartial } from './testing/arbitrary.js';
import { fixtures } from './testing/fixtures.js';

/** More runs for types with more to vary; the whole file takes a few seconds. */
const runs = { numRuns: 150 };

it('has a generated codec for every message of the fixtures', () => {
  expect(fixtures.length).toBeGreaterThan(25);
  const inOnePass = fixtures.filter(({ direct }) => direct.pack !== undefined).map(({ typeName }) => typeName);
  expect(inOnePass).toEqual(expect.arrayContaining(['every.Scalars', 'every.Optionals']));
});

describe.each(fixtures)('$typeName', ({ model, direct, reflected }) => {
  it('has the schema that is found when it is loaded at run time', () => {
    expect(describeSchemas([direct.schema])).toEqual(describeSchemas([reflected.schema]));
  });

  it('is written as protobufjs writes it, in exactly the bytes that size says', () => {
    fc.assert(
      fc.property(arbitraryMessage(model), fc.nat(20), (message, start) => {
        const expected = Buffer.alloc(reflected.size(message));
        reflected.encode(message, expected, 0);
        const size = direct.size(message);
        expect(size).toBe(expected.length);
        const bytes = Buffer.alloc(start + size + 20, 0xa5);
        expect(direct.encode(message, bytes, start)).toBe(start + size);
        expect(bytes.subarray(start, start + size).equals(expected)).toBe(true);
        bytes.fill(0xa5, start, start + size);
        expect(bytes.every((byte) => byte === 0xa5)).toBe(true);
      }),
      runs,
    );
  });

  it('reads back what it wrote, as protobufjs does, whatever lies around it', () => {
    fc.assert(
      fc.property(arbitraryMessage(model), fc.nat(9), fc.nat(255), (message, start, around) => {
        const size = direct.size(message);
        const bytes = Buffer.alloc(start + size + 9, around);
        direct.encode(message, bytes, start);
        const read = direct.decode(bytes, start, start + size);
        expect(read).toStrictEqual(message);
        expect(reflected.decode(bytes, start, start + size)).toStrictEqual(message);
        bytes.fill(0xff);
        expect(read).toStrictEqual(message);
      }),
      runs,
    );
  });

  it('fills in what was left out', () => {
    fc.assert(
      fc.property(arbitraryPartial(model), (partial) => {
        const bytes = Buffer.alloc(direct.size(partial));
        direct.encode(partial, bytes, 0);
        const read = direct.decode(bytes, 0, bytes.length);
        expect(read).toStrictEqual(reflected.decode(bytes, 0, bytes.length));
        expect(read).toMatchObject(
          Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined)),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(fixtures.filter(({ direct }) => direct.pack !== undefined))('$typeName', ({ model, direct }) => {
  it('is written in one pass as in two, in no more bytes than were foretold', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryMessage(model), arbitraryPartial(model)), fc.nat(20), (message, start) => {
        const expected = Buffer.alloc(direct.size(message));
        direct.encode(message, expected, 0);
        const bound = direct.bound!(message);
        expect(bound).toBeGreaterThanOrEqual(expected.length);
        const bytes = Buffer.alloc(start + bound + 20, 0xa5);
        expect(direct.pack!(message, bytes, start)).toBe(start + expected.length);
        expect(bytes.subarray(start, start + expected.length).equals(expected)).toBe(true);
        bytes.fill(0xa5, start, start + bound);
        expect(bytes.every((byte) => byte === 0xa5)).toBe(true);
      }),
      runs,
    );
  });
});
