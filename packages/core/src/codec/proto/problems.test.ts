import { describe, expect, it } from 'vitest';
import { RpcError } from '../../errors/index.js';
import { readProtos } from './index.js';

const head = 'syntax = "proto3";\npackage a;\n';

/** The message of the error that reading these files comes to. */
function problemsOf(text: string, others: Readonly<Record<string, string>> = {}): string {
  try {
    readProtos({ sources: { 'a.proto': text, ...others } });
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_PROTO']);
    return error.message;
  }
  throw new Error('nothing is wrong with it');
}

describe('a .proto file that is not well written is told by file, line and cause', () => {
  it.each([
    ['a missing number', 'message A {\n  string name = ;\n}', '4: unexpected id ";"'],
    ['a missing equals sign', 'message A {\n  string name 1;\n}', '4: found "1" where "=" was expected'],
    ['a misspelt keyword', 'mesage A {\n}', '3: unexpected token "mesage"'],
    ['a missing brace', 'message A {\n  string name = 1;\n', '5: the file ends in the middle of a declaration'],
    ['an end after a name', 'message A', '3: the file ends where ";" was expected'],
    ['an open string', 'import "x;\n', '3: a string is not ended'],
    ['an open comment', '/* x', '3: a comment is not ended'],
    ['proto2 in proto3', 'message A {\n  required string x = 1;\n}', '4: unexpected token "required"'],
    ['a map by double', 'message A {\n  map<double, string> x = 1;\n}', '4: unexpected type "double"'],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(head + text)).toBe(`a.proto:${problem}`);
  });

  it('an unknown syntax', () => {
    expect(problemsOf('syntax = "proto4";')).toBe(
      'a.proto:1: syntax "proto4" is not known: there are "proto2" and "proto3"',
    );
  });

  it('lines of files with carriage returns', () => {
    expect(problemsOf(`${head}message A {\n  Citty c = 1;\n}`.replaceAll('\n', '\r\n'))).toBe(
      'a.proto:4: "Citty" is not defined',
    );
  });
});

describe('names that do not resolve', () => {
  it('are all told at once', () => {
    const text = 'message A {\n  Citty c = 1;\n  map<string, .b.C> m = 2;\n}\nservice S { rpc M(X) returns (A); }';
    expect(problemsOf(head + text)).toBe(
      'a.proto:4: "Citty" is not defined\na.proto:5: ".b.C" is not defined\na.proto:7: "X" is not defined',
    );
  });

  it('include those of files that are not imported', () => {
    const other = { 'b.proto': 'syntax = "proto3"; package b; message B {}' };
    expect(problemsOf(`${head}message A {\n  b.B x = 1;\n}`, other)).toBe(
      'a.proto:4: "b.B" is defined in "b.proto", which is not imported',
    );
  });

  it('include extended messages', () => {
    expect(problemsOf('syntax = "proto2";\nextend Nope { optional string note = 100; }')).toBe(
      'a.proto:2: "Nope" is not defined',
    );
  });

  it('include enums where a message is needed', () => {
    const text = 'enum E { E_A = 0; }\nmessage A {}\nservice S {\n  rpc M(A) returns (E);\n}';
    expect(problemsOf(head + text)).toBe('a.proto:6: "E" is an enum: methods take and give messages');
  });
});

describe('imports', () => {
  it('that exist nowhere', () => {
    expect(problemsOf(`${head}import "nope.proto";`)).toBe(
      'a.proto:3: import "nope.proto" was not found in any include directory',
    );
  });

  it('that leave the include directories', () => {
    expect(problemsOf(`${head}import "../b.proto";`)).toBe(
      'a.proto:3: import "../b.proto" is not a path below an include directory',
    );
  });

  it('that go in circles', () => {
    expect(problemsOf(`${head}import "b.proto";`, { 'b.proto': `${head}import "a.proto";` })).toBe(
      `b.proto:3: import "a.proto" leads back to b.proto: imports can't go in circles`,
    );
  });
});

describe('declarations that clash', () => {
  it.each([
    [
      'field numbers',
      'message A {\n  string x = 1;\n  string y = 1;\n}',
      '5: field number 1 of "y" is that of "x" already',
    ],
    ['field names', 'message A {\n  string x = 1;\n  string x = 2;\n}', '5: "x" is declared before, in line 4'],
    ['messages', 'message A {}\nmessage A {}', '4: "A" is declared before, in line 3'],
    ['enum numbers', 'enum E {\n  A = 0;\n  B = 0;\n}', '5: enum number 0 of "B" is that of "A" already'],
    [
      'methods',
      'message A {}\nservice S {\n  rpc M(A) returns (A);\n  rpc M(A) returns (A);\n}',
      '6: "M" is declared before, in line 5',
    ],
    ['reserved numbers', 'message A {\n  reserved 5, 7 to 9;\n  int32 x = 8;\n}', '5: the number 8 is reserved in a.A'],
    ['reserved names', 'message A {\n  reserved "x";\n  int32 x = 8;\n}', '5: the name "x" is reserved in a.A'],
    [
      'properties',
      'message A {\n  int32 b_c = 1;\n  int32 bC = 2;\n}',
      '5: "bC" and "b_c" both become the property "bC" of a.A',
    ],
    [
      'a oneof and a field',
      'message A {\n  int32 b_c = 1;\n  oneof bC { int32 x = 2; }\n}',
      '5: "bC" and "b_c" both become the property "bC" of a.A',
    ],
    [
      'method names',
      'message A {}\nservice S {\n  rpc Get(A) returns (A);\n  rpc get(A) returns (A);\n}',
      '6: "get" and "Get" both become the method "get"',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(head + text)).toBe(`a.proto:${problem}`);
  });

  it('in two files', () => {
    expect(problemsOf(`${head}message A {}`, { 'b.proto': `${head}\n\nmessage A {}` })).toBe(
      'b.proto:5: "a.A" is declared before, in a.proto:3',
    );
  });

  it('but not aliases of an enum that allows them', () => {
    const text =
      'enum E {\n  option allow_alias = true;\n  A = 0;\n  B = 0;\n}\nmessage M {\n  int32 x = 1;\n  int32 y = 1;\n}';
    expect(problemsOf(head + text)).toBe('a.proto:10: field number 1 of "y" is that of "x" already');
  });
});

describe('declarations that protobuf does not allow', () => {
  it.each([
    ['field number 0', 'message A {\n  int32 x = 0;\n}', '4: field number 0 is not between 1 and 536870911'],
    [
      'a number too large',
      'message A {\n  int32 x = 536870912;\n}',
      '4: field number 536870912 is not between 1 and 536870911',
    ],
    [
      'a number of protobuf itself',
      'message A {\n  int32 x = 19500;\n}',
      '4: field number 19500 is one of those (19000 to 19999) that protobuf keeps for itself',
    ],
    ['an enum without zero', 'enum E {\n  A = 1;\n}', '3: the first value of enum "E" must have the number 0'],
    ['an empty enum', 'enum E {\n}', '3: enum "E" has no values'],
    [
      'a name that no object can have',
      'message A {\n  string __proto__ = 1;\n}',
      `4: a field can't be called "__proto__"`,
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(head + text)).toBe(`a.proto:${problem}`);
  });
});

describe('options of methods', () => {
  const method = (option: string, signature = 'A) returns (A') =>
    `${head}import "callgate/options.proto";\nimport "google/protobuf/empty.proto";\nmessage A {}\n` +
    `service S {\n  rpc M(${signature}) {\n    option ${option};\n  }\n}`;
  const timeouts = 'expected "never", "immediate" or a duration such as "250ms", "5s", "2m"';
  const oneway = '"M" is oneway: it must return google.protobuf.Empty, and stream nothing';

  it.each([
    ['(callgate.timeout) = "5 minutes"', `option (callgate.timeout) is "5 minutes": ${timeouts}`],
    ['(callgate.timeout) = "-1s"', `option (callgate.timeout) is "-1s": ${timeouts}`],
    ['(callgate.timeout) = 5', `option (callgate.timeout) is 5: ${timeouts}`],
    ['(callgate.oneway) = "yes"', 'option (callgate.oneway) is "yes": expected true or false'],
    [
      '(callgate.signal) = 12',
      'option (callgate.signal) is 12: expected text, such as "SIGUSR2", "SIGRTMIN+3" or "12"',
    ],
    ['(callgate.wait_for_ready) = 1', 'option (callgate.wait_for_ready) is 1: expected true or false'],
    ['(callgate.urgent) = 1', 'option (callgate.urgent) is 1: expected true or false'],
    [
      '(callgate.onway) = true',
      'option (callgate.onway) does not exist: there are oneway, idempotent, timeout, urgent, signal, ordered and wait_for_ready',
    ],
    ['(callgate.oneway) = true', oneway],
  ])('%s', (option, problem) => {
    expect(problemsOf(method(option))).toBe(`a.proto:8: ${problem}`);
  });

  it('a stream that is oneway', () => {
    const text = method('(callgate.oneway) = true', 'stream A) returns (google.protobuf.Empty');
    expect(problemsOf(text)).toBe(`a.proto:8: ${oneway}`);
  });

  it('without the import that declares them', () => {
    const text = method('(callgate.idempotent) = true').replace('import "callgate/options.proto";', '');
    expect(problemsOf(text)).toBe('a.proto:8: option (callgate.idempotent) needs import "callgate/options.proto"');
  });
});
