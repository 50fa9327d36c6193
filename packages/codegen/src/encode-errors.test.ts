import { RpcError } from '@callgate/core/errors';
import { describe, expect, it } from 'vitest';
import { type AnyType, fixtures } from './testing/fixtures.js';

const type = (name: string): AnyType => fixtures.find(({ typeName }) => typeName === name)!.direct;

/** What measuring a message complains of; the same with protobufjs below and in one pass, so that all speak alike. */
function complaint(name: string, message: unknown): string {
  const { direct, reflected } = fixtures.find(({ typeName }) => typeName === name)!;
  const measures = [direct, reflected].map((codec) => () => void codec.size(message as never));
  const bound = direct.bound?.(message as never);
  // Where nothing can be foretold, it is measured.
  if (bound !== undefined && !Number.isNaN(bound)) {
    measures.push(() => void direct.pack!(message as never, Buffer.alloc(bound), 0));
  }
  const [mine, ...theirs] = measures.map((measure) => {
    try {
      measure();
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      expect([error.code, error.reason, error.failed]).toEqual(['INVALID_ARGUMENT', 'UNENCODABLE', 'call']);
      return error.message;
    }
    throw new Error('it was taken');
  });
  for (const other of theirs) expect(other).toBe(mine);
  return mine!;
}

const int32 = 'an integer from -2147483648 to 2147483647';
const uint32 = 'an integer from 0 to 4294967295';
const int64 = 'a bigint from -2^63 to 2^63 - 1';
const uint64 = 'a bigint from 0 to 2^64 - 1';

describe('a value that its field has no bytes for is told by name', () => {
  it.each([
    ['f_int32', { fInt32: 1.5 }, int32, '1.5'],
    ['f_int32', { fInt32: Number.NaN }, int32, 'NaN'],
    ['f_int32', { fInt32: '5' }, int32, '"5"'],
    ['f_int32', { fInt32: 2 ** 31 }, int32, '2147483648'],
    ['f_int32', { fInt32: 5n }, int32, '5n'],
    ['f_int32', { fInt32: null }, int32, 'null'],
    ['f_sint32', { fSint32: -(2 ** 31) - 1 }, int32, '-2147483649'],
    ['f_sfixed32', { fSfixed32: 0.1 }, int32, '0.1'],
    ['f_uint32', { fUint32: -1 }, uint32, '-1'],
    ['f_fixed32', { fFixed32: 2 ** 32 }, uint32, '4294967296'],
    ['f_int64', { fInt64: 5 }, int64, '5'],
    ['f_int64', { fInt64: 2n ** 63n }, int64, '9223372036854775808n'],
    ['f_sint64', { fSint64: -(2n ** 63n) - 1n }, int64, '-9223372036854775809n'],
    ['f_sfixed64', { fSfixed64: '1' }, int64, '"1"'],
    ['f_uint64', { fUint64: -1n }, uint64, '-1n'],
    ['f_fixed64', { fFixed64: 2n ** 64n }, uint64, '18446744073709551616n'],
    ['f_double', { fDouble: '1' }, 'a number', '"1"'],
    ['f_float', { fFloat: 1e300 }, 'a number that fits a float (at most 3.4e38)', '1e+300'],
    ['f_float', { fFloat: 1n }, 'a number', '1n'],
    ['f_bool', { fBool: 1 }, 'a boolean', '1'],
    ['f_string', { fString: 5 }, 'a string', '5'],
    ['f_string', { fString: null }, 'a string', 'null'],
    ['f_string', { fString: Symbol('x') }, 'a string', 'a symbol'],
    ['f_bytes', { fBytes: [1] }, 'a Uint8Array', 'an array'],
    ['f_bytes', { fBytes: 'text' }, 'a Uint8Array', '"text"'],
    ['f_bytes', { fBytes: null }, 'a Uint8Array', 'null'],
    ['f_color', { fColor: 'RED' }, 'an enum number', '"RED"'],
    ['f_color', { fColor: 0.5 }, 'an enum number', '0.5'],
  ])('%s given %o', (field, message, expected, found) => {
    expect(complaint('every.Scalars', message)).toBe(
      `cannot encode every.Scalars.${field}: expected ${expected}, found ${found}`,
    );
  });

  it('an unpaired surrogate, in a short string and in a long one', () => {
    const problem =
      'cannot encode every.Scalars.f_string: expected well-formed Unicode (an unpaired surrogate has no UTF-8)';
    expect(complaint('every.Scalars', { fString: 'a\ud800' })).toBe(`${problem}, found "a\\ud800"`);
    expect(complaint('every.Scalars', { fString: `${'x'.repeat(99)}\udc00` })).toContain(problem);
  });

  it('in a list, a map, a oneof', () => {
    expect(complaint('every.Lists', { fInt32: [1, 'x'] })).toBe(
      `cannot encode every.Lists.f_int32: expected ${int32}, found "x"`,
    );
    expect(complaint('every.Lists', { fString: [undefined] })).toBe(
      'cannot encode every.Lists.f_string: expected a string, found undefined',
    );
    expect(complaint('every.Maps', { byInt32: new Map([['1', 1]]) })).toBe(
      `cannot encode every.Maps.by_int32: expected ${int32}, found "1"`,
    );
    expect(complaint('every.Maps', { byUint32: new Map([[1, 0.5]]) })).toBe(
      `cannot encode every.Maps.by_uint32: expected ${int32}, found 0.5`,
    );
    expect(complaint('every.Choices', { choice: { case: 'fInt64', value: 1 } })).toBe(
      `cannot encode every.Choices.f_int64: expected ${int64}, found 1`,
    );
  });

  it('of a wrong shape', () => {
    expect(complaint('every.Lists', { fInt32: new Set() })).toContain('expected an array, found an object');
    expect(complaint('every.Maps', { byInt32: {} })).toContain('expected a Map, found an object');
    expect(complaint('every.Maps', { byInt32: null })).toContain('expected a Map, found null');
    expect(complaint('every.Choices', { choice: null })).toContain(
      'expected an object with case and value, found null',
    );
    expect(complaint('every.Choices', { choice: { case: 'toString', value: 1 } })).toBe(
      'cannot encode every.Choices.choice: expected a case that the schema names, found "toString"',
    );
    expect(complaint('every.Tree', { left: 5 })).toBe('cannot encode every.Tree: expected an object, found 5');
    expect(complaint('every.Tree', null)).toBe('cannot encode every.Tree: expected an object, found null');
  });

  it('a required field without one', () => {
    expect(complaint('legacy.Record', {})).toBe(
      'cannot encode legacy.Record.id: expected a value, since it is required, found undefined',
    );
    expect(complaint('legacy.Record', { id: 1, part: {} })).toContain('legacy.Part.text: expected a value');
  });

  it('shortens what it quotes', () => {
    expect(complaint('every.Scalars', { fBool: 'x'.repeat(1000) })).toBe(
      `cannot encode every.Scalars.f_bool: expected a boolean, found "${'x'.repeat(40)}…"`,
    );
  });
});

describe('messages nested too deeply', () => {
  const nested = (depth: number) => {
    let tree: { left?: object } = {};
    for (let i = 0; i < depth; i++) tree = { left: tree };
    return tree as never;
  };

  it('are written up to 100 deep', () => {
    const bytes = Buffer.alloc(type('every.Tree').size(nested(100)));
    expect(type('every.Tree').encode(nested(100), bytes, 0)).toBe(bytes.length);
    expect(complaint('every.Tree', nested(101))).toBe(
      'cannot encode every.Tree: messages are nested more than 100 deep (or contain themselves)',
    );
  });

  it('are told when they contain themselves', () => {
    const tree: { children: unknown[] } = { children: [] };
    tree.children.push(tree);
    expect(complaint('every.Tree', tree)).toContain('or contain themselves');
  });
});
