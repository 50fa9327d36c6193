/** The function that measures a message and checks all its values. */
import type { FieldModel, MessageModel, OneofModel, ValueModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import { type Code, quote } from './text.js';
import { isOneof, properties } from './types.js';
import { DELIMITED, GROUP, suffix, tagBytes, wireType } from './values.js';

export function emitSize(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const head = [`message: ${names.run('MessageInit')}<${type}>`, 'depth = 0'];
  code.list(`function ${type}$size(`, head, '): number {').indented(() => {
    code.line(`${names.run('checkMessage')}(message, depth, ${quote(message.typeName)});`);
    if (message.fields.length === 0) {
      code.line('return 0;');
      return;
    }
    code.line('let size = 0;');
    for (const property of properties(message)) {
      const variable = names.variable(property.localName);
      code.line(`const ${variable} = message.${property.localName};`);
      if (isOneof(property)) oneof(code, property, variable, names);
      else field(code, property, variable, names);
    }
    code.line('return size;');
  });
  code.line('}');
}

function field(code: Code, field: FieldModel, variable: string, names: Names): void {
  const { value, fullName } = field;
  const present = `if (${variable} !== undefined) {`;
  if (field.shape === 'map') {
    code.block(present, () => {
      code.line(`${names.run('checkMap')}(${variable}, ${quote(fullName)});`);
      code.block(`for (const [key, item] of ${variable}) {`, () => {
        const key = sizeOf({ kind: 'scalar', scalar: field.key! }, 'key', fullName, names);
        code.line(`let length = 2 + ${key};`, `length += ${sizeOf(value, 'item', fullName, names)};`);
        code.line(`size += ${tagSize(field.number, DELIMITED)} + ${names.run('sizeDelimited')}(length);`);
      });
    });
  } else if (field.shape === 'repeated') {
    code.block(present, () => {
      code.line(`${names.run('checkList')}(${variable}, ${quote(fullName)});`);
      if (!field.packed) code.line(`for (const item of ${variable}) size += ${tagged(field, 'item', names)};`);
      else {
        code.line('let length = 0;');
        code.line(`for (const item of ${variable}) length += ${sizeOf(value, 'item', fullName, names)};`);
        const tag = tagSize(field.number, DELIMITED);
        code.line(`if (length !== 0) size += ${tag} + ${names.run('sizeDelimited')}(length);`);
      }
    });
  } else if (field.presence === 'required') {
    code.line(`if (${variable} === undefined) throw ${names.run('missingToEncode')}(${quote(fullName)});`);
    code.line(`size += ${tagged(field, variable, names)};`);
  } else if (field.presence === 'implicit' && value.kind === 'scalar' && value.scalar === 'bytes') {
    // Its length may be asked for only once it is known to be bytes; 1 is the size of empty ones.
    code.block(present, () => {
      code.line(`const length = ${sizeOf(value, variable, fullName, names)};`);
      code.line(`if (length !== 1) size += ${tagSize(field.number, DELIMITED)} + length;`);
    });
  } else {
    code.block(`if (${isPresent(field, variable)}) {`, () => code.line(`size += ${tagged(field, variable, names)};`));
  }
}

function oneof(code: Code, oneof: OneofModel, variable: string, names: Names): void {
  code.block(`if (${variable} !== undefined) {`, () => {
    code.line(`${names.run('checkOneof')}(${variable}, ${quote(oneof.fullName)});`);
    code.block(`switch (${variable}.case) {`, () => {
      for (const field of oneof.fields) {
        code.line(`case ${quote(field.localName)}:`).indented(() => {
          code.line(`size += ${tagged(field, `${variable}.value`, names)};`, 'break;');
        });
      }
      code.line('default:').indented(() => {
        code.line(`throw ${names.run('unknownCase')}(${variable}, ${quote(oneof.fullName)});`);
      });
    });
  });
}

/** When a singular field is written: presence, or a value other than the default. A zero with a sign is not the default. */
export function isPresent(field: FieldModel, variable: string): string {
  const { value } = field;
  if (field.presence !== 'implicit') return `${variable} !== undefined`;
  if (value.kind !== 'scalar') return `${variable} !== undefined && ${variable} !== 0`;
  if (value.scalar === 'double' || value.scalar === 'float') {
    return `${variable} !== undefined && !Object.is(${variable}, 0)`;
  }
  if (value.scalar === 'bytes') return `${variable} !== undefined && ${variable}.length !== 0`;
  const zero =
    value.scalar === 'string' ? "''" : value.scalar === 'bool' ? 'false' : value.scalar.endsWith('64') ? '0n' : '0';
  return `${variable} !== undefined && ${variable} !== ${zero}`;
}

/** Bytes of a value with its tag, or tags. */
function tagged(field: FieldModel, expression: string, names: Names): string {
  const { value, fullName, number } = field;
  if (field.group && value.kind === 'message') {
    return `${2 * tagSize(number, GROUP)} + ${names.codec(value, 'size')}(${expression}, depth + 1)`;
  }
  return `${tagSize(number, wireType(value))} + ${sizeOf(value, expression, fullName, names)}`;
}

/** Bytes of a value without its tag, with its length where it has one. */
function sizeOf(value: ValueModel, expression: string, field: string, names: Names): string {
  if (value.kind === 'message') {
    return `${names.run('sizeDelimited')}(${names.codec(value, 'size')}(${expression}, depth + 1))`;
  }
  return `${names.run(`size${suffix(value)}`)}(${expression}, ${quote(field)})`;
}

function tagSize(number: number, wire: number): number {
  return tagBytes(number, wire).length;
}
