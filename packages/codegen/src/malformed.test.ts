import { RpcError } from '@callgate/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMessage } from './testing/arbitrary.js';
import { type AnyMessage, type AnyType, fixtures } from './testing/fixtures.js';
import { arbitraryWire } from './testing/wire.js';

type Outcome = { readonly value: AnyMessage } | { readonly error: string; readonly message: string };

/** What decoding comes to, among bytes that it must not see. */
function outcome(type: AnyType, content: Buffer, around: number): Outcome {
  const bytes = Buffer.concat([Buffer.alloc(12, around), content, Buffer.alloc(12, around)]);
  try {
    return { value: type.decode(bytes, 12, 12 + content.length) };
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    return { error: `${error.code} ${error.reason}`, message: error.message };
  }
}

/** The same outcome as protobufjs's, and the same whatever the surroundings. */
function expectSame(direct: AnyType, reflected: AnyType, content: Buffer): void {
  const found = outcome(direct, content, 0);
  for (const around of [1, 0x80, 0xff]) expect(outcome(direct, content, around)).toStrictEqual(found);
  if ('error' in found) expect(found.error).toBe('INVALID_ARGUMENT UNDECODABLE');
  const expected = outcome(reflected, content, 0);
  if ('message' in found && laxer.test(found.message)) return;
  if ('message' in expected && stricter.test(expected.message)) return;
  if ('value' in found && 'value' in expected) {
    expect(withoutZeroKeys(found.value)).toStrictEqual(withoutZeroKeys(expected.value));
  } else if ('value' in found) expect(found).toStrictEqual(expected);
  else expect(Object.keys(expected), found.message).toContain('error');
}

/**
 * protobufjs keeps an entry without a key apart from one whose key is a 64-bit zero, and forgets which came last: of
 * such maps that entry is not compared.
 */
function withoutZeroKeys(message: AnyMessage): AnyMessage {
  const without = (value: unknown) =>
    value instanceof Map && value.has(0n) ? new Map([...value].filter(([key]) => key !== 0n)) : value;
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, without(value)]));
}

/**
 * Where protobufjs takes what protobuf refuses: it skips an unknown varint however long it is, and does not look for
 * required fields in a map's values.
 */
const laxer = /a varint is longer than 10 bytes|it is required, and missing/;
/** Where it refuses what protobuf takes: it looks for required fields in each part of a message that comes in parts. */
const stricter = /missing required/;

// protobufjs mistakes groups inside a message that has no fields.
describe.each(fixtures.filter(({ model }) => model.fields.length > 0))('$typeName', ({ model, direct, reflected }) => {
  it('is read as protobufjs reads it, whatever fields it is made of', () => {
    fc.assert(
      fc.property(arbitraryWire(model), (content) => expectSame(direct, reflected, content)),
      { numRuns: 150 },
    );
  });

  it('comes to the same as with protobufjs when it is cut off or damaged at any byte', () => {
    fc.assert(
      fc.property(arbitraryMessage(model, 1), fc.nat(255), fc.nat(7), (message, flip, bit) => {
        const bytes = Buffer.alloc(Math.min(direct.size(message), 600));
        if (bytes.length === 600) return;
        direct.encode(message, bytes, 0);
        for (let at = 0; at < bytes.length; at++) {
          expectSame(direct, reflected, bytes.subarray(0, at));
          const damaged = Buffer.from(bytes);
          damaged[at] = at % 2 === 0 ? damaged[at]! ^ (1 << bit) : flip;
          expectSame(direct, reflected, damaged);
        }
      }),
      { numRuns: 4 },
    );
  });
});
