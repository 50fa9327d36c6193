import { expect, it } from 'vitest';
import { type FieldModel, type FileModel, readProtos } from './index.js';

function read(...lines: readonly string[]): FileModel {
  return readProtos({ sources: { 'a.proto': lines.join('\n') } }).files[0]!;
}

function fields(file: FileModel): Record<string, FieldModel> {
  return Object.fromEntries(file.messages[0]!.fields.map((field) => [field.name, field]));
}

const proto3 = ['syntax = "proto3";', 'package a;'];

it('tells which absent fields differ from empty ones', () => {
  const three = fields(
    read(
      ...proto3,
      'message M { int32 a = 1; optional int32 b = 2; M c = 3; oneof o { int32 d = 4; } repeated int32 e = 5; }',
    ),
  );
  expect([three.a, three.b, three.c, three.d].map((field) => field?.presence)).toEqual([
    'implicit',
    'explicit',
    'explicit',
    'explicit',
  ]);
  const two = fields(read('message M { optional int32 a = 1; required int32 b = 2; }'));
  expect([two.a?.presence, two.b?.presence]).toEqual(['explicit', 'required']);
});

it('packs numbers by default in proto3, and only when told in proto2', () => {
  const three = fields(
    read(...proto3, 'message M { repeated int32 a = 1; repeated bool b = 2 [packed = false]; repeated string c = 3; }'),
  );
  expect([three.a?.packed, three.b?.packed, three.c?.packed]).toEqual([true, false, false]);
  const two = fields(read('message M { repeated int32 a = 1; repeated int32 b = 2 [packed = true]; }'));
  expect([two.a?.packed, two.b?.packed]).toEqual([false, true]);
});

it('follows the features of editions', () => {
  const file = read(
    'edition = "2023";',
    'message M { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT];',
    ' M c = 3 [features.message_encoding = DELIMITED]; string d = 4 [features.utf8_validation = NONE]; }',
    'enum E { option features.enum_type = CLOSED; E_ONE = 1; }',
  );
  const { a, b, c, d } = fields(file);
  expect([a?.presence, b?.presence, c?.group, c?.strictUtf8, d?.strictUtf8]).toEqual([
    'explicit',
    'implicit',
    true,
    true,
    false,
  ]);
  expect(file.enums[0]?.closed).toBe(true);
});

it('makes properties of field names as protobuf makes JSON names, safe from what objects inherit', () => {
  const names = ['distance_km', '_x', 'y_', 'a__b', 'UPPER', 'n_1', 'constructor', 'to_string', 'value_of', 'then'];
  const lines = names.map((name, index) => `int32 ${name} = ${index + 1};`);
  const file = read(...proto3, 'message M {', ...lines, '}');
  expect(file.messages[0]?.fields.map(({ localName }) => localName)).toEqual([
    'distanceKm',
    'X',
    'y',
    'aB',
    'UPPER',
    'n1',
    'constructor$',
    'toString$',
    'valueOf$',
    'then',
  ]);
});

it('makes method names that begin small, and never one that would make a stub a promise', () => {
  const file = read(
    ...proto3,
    'message M {} service S { rpc LookUp(M) returns (M); rpc do_it(M) returns (M);',
    'rpc Then(M) returns (M); rpc Constructor(M) returns (M); rpc GetURL(M) returns (M); }',
  );
  expect(file.services[0]?.methods.map(({ localName }) => localName)).toEqual([
    'lookUp',
    'doIt',
    'then$',
    'constructor$',
    'getURL',
  ]);
});

it('keeps comments: above, behind, in blocks, of values and methods', () => {
  const file = read(
    ...proto3,
    '// Not this one.',
    '',
    '// A message.',
    '//',
    '// In two parts.',
    'message M {',
    '  // Above.',
    '  int32 a = 1;',
    '  int32 b = 2; // Behind.',
    '  /* In a block. */',
    '  int32 c = 3;',
    '  int32 d = 4;',
    '}',
    '/** An enum. */',
    'enum E {',
    '  ZERO = 0; // A value.',
    '}',
    '// A service.',
    'service S {',
    '  // A method.',
    '  rpc Do(M) returns (M);',
    '}',
  );
  const { a, b, c, d } = fields(file);
  expect(file.messages[0]?.comment).toBe('A message.\n\nIn two parts.');
  expect([a?.comment, b?.comment, c?.comment, d?.comment]).toEqual(['Above.', 'Behind.', 'In a block.', undefined]);
  expect([file.enums[0]?.comment, file.enums[0]?.values[0]?.comment]).toEqual(['An enum.', 'A value.']);
  expect([file.services[0]?.comment, file.services[0]?.methods[0]?.comment]).toEqual(['A service.', 'A method.']);
});

it('resolves names from the innermost scope outwards', () => {
  const file = read(
    ...proto3,
    'message X {} message M { X x = 1; .a.X y = 2; Inner.X z = 3; message Inner { message X {} X x = 1; } }',
  );
  const typeOf = (field: FieldModel | undefined) => field?.value.kind === 'message' && field.value.typeName;
  const m = file.messages.find(({ typeName }) => typeName === 'a.M');
  const inner = file.messages.find(({ typeName }) => typeName === 'a.M.Inner');
  expect(m?.fields.map(typeOf)).toEqual(['a.X', 'a.X', 'a.M.Inner.X']);
  expect(inner?.fields.map(typeOf)).toEqual(['a.M.Inner.X']);
});

it('reads what proto2 has: groups, defaults, extensions', () => {
  const file = read(
    'syntax = "proto2"; package a;',
    'message M { optional group Box = 1 { optional int32 x = 1; } optional string s = 2 [default = "hi"];',
    'optional E e = 3 [default = B]; extensions 100 to 200; }',
    'enum E { A = 1; B = 2; } extend M { optional int32 more = 100; }',
  );
  const { box, s, e } = fields(file);
  expect([box?.group, s?.default, e?.default]).toEqual([true, '"hi"', 'B']);
  expect(file.messages.map(({ typeName }) => typeName)).toEqual(['a.M', 'a.M.Box']);
  expect(file.messages[0]?.fields).toHaveLength(3);
});

it('reads timeouts in milliseconds', () => {
  const timeout = (text: string) =>
    read(
      ...proto3,
      'import "callgate/options.proto";',
      `message M {} service S { rpc Do(M) returns (M) { option (callgate.timeout) = "${text}"; } }`,
    ).services[0]?.methods[0]?.timeout;
  expect(['never', 'immediate', '250ms', '5s', '2m', '1h', '0.5s', '0ms'].map(timeout)).toEqual([
    'never',
    'immediate',
    250,
    5000,
    120_000,
    3_600_000,
    500,
    0,
  ]);
});
