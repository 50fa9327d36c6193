/** The function that writes a message, whose values `size` has checked. */
import type { FieldModel, MessageModel, OneofModel, ValueModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import { isPresent } from './size.js';
import { type Code, quote } from './text.js';
import { DELIMITED, fixedBytes, GROUP, GROUP_END, suffix, tagBytes, wireType } from './values.js';

export function emitEncode(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const unused = message.fields.length === 0 ? '_' : '';
  const head = [`${unused}message: ${names.run('MessageInit')}<${type}>`, `${unused}bytes: Buffer`, 'start: number'];
  code.list(`function ${type}$encode(`, head, '): number {').indented(() => {
    if (message.fields.length === 0) {
      code.line('return start;');
      return;
    }
    code.line('let pos = start;');
    const begun = new Set<OneofModel>();
    // By number, as protobuf wants it, so that the members of a oneof stand where their numbers are.
    for (const field of message.fields) {
      const { oneof } = field;
      const { localName } = oneof ?? field;
      const variable = names.variable(localName);
      if (oneof === undefined || !begun.has(oneof)) code.line(`const ${variable} = message.${localName};`);
      if (oneof === undefined) property(code, field, variable, names);
      else {
        begun.add(oneof);
        code.block(`if (${variable}?.case === ${quote(field.localName)}) {`, () =>
          one(code, field, `${variable}.value`, names),
        );
      }
    }
    code.line('return pos;');
  });
  code.line('}');
}

function property(code: Code, field: FieldModel, variable: string, names: Names): void {
  const { value } = field;
  const present = `if (${variable} !== undefined) {`;
  if (field.shape === 'map') {
    code.block(present, () => {
      code.block(`for (const [key, item] of ${variable}) {`, () => {
        delimited(code, field.number, names, () => {
          one(code, { ...field, number: 1, value: { kind: 'scalar', scalar: field.key! } }, 'key', names);
          one(code, { ...field, number: 2 }, 'item', names);
        });
      });
    });
  } else if (field.shape === 'repeated' && field.packed) {
    code.block(`if (${variable} !== undefined && ${variable}.length !== 0) {`, () => {
      const width = fixedBytes(value);
      const loop = `for (const item of ${variable}) pos = ${write(value, 'item', 'pos', names)};`;
      if (width === undefined) delimited(code, field.number, names, () => code.line(loop));
      else {
        const pos = tag(code, field.number, DELIMITED);
        code.line(`pos = ${names.run('writeVarint')}(${variable}.length * ${width}, bytes, ${pos});`, loop);
      }
    });
  } else if (field.shape === 'repeated') {
    code.block(present, () => code.block(`for (const item of ${variable}) {`, () => one(code, field, 'item', names)));
  } else {
    code.block(`if (${isPresent(field, variable)}) {`, () => one(code, field, variable, names));
  }
}

/** One value with its tag. */
function one(code: Code, field: FieldModel, expression: string, names: Names): void {
  const { value, number } = field;
  if (field.group && value.kind === 'message') {
    const pos = tag(code, number, GROUP);
    code.line(`pos = ${names.codec(value, 'encode')}(${expression}, bytes, ${pos});`);
    code.line(`pos = ${tag(code, number, GROUP_END)};`);
    return;
  }
  const wire = wireType(value);
  const pos = tag(code, number, wire);
  if (value.kind !== 'message') {
    code.line(`pos = ${write(value, expression, pos, names)};`);
    return;
  }
  const content = `${names.codec(value, 'encode')}(${expression}, bytes, ${after(number, wire, 1)})`;
  code.line(`pos = ${names.run('closeLength')}(bytes, ${pos}, ${content});`);
}

/** A tag, and a length that is known only when `body` has written its content. */
function delimited(code: Code, number: number, names: Names, body: () => void): void {
  const pos = tag(code, number, DELIMITED);
  code.line(`const at = ${pos};`, 'pos = at + 1;');
  body();
  code.line(`pos = ${names.run('closeLength')}(bytes, at, pos);`);
}

/** Writes a tag at `pos`; returns the offset behind it, as source. */
function tag(code: Code, number: number, wire: number): string {
  for (const [index, byte] of tagBytes(number, wire).entries()) {
    code.line(`bytes[${index === 0 ? 'pos' : `pos + ${index}`}] = ${byte};`);
  }
  return after(number, wire, 0);
}

function after(number: number, wire: number, more: number): string {
  return `pos + ${tagBytes(number, wire).length + more}`;
}

function write(value: ValueModel, expression: string, pos: string, names: Names): string {
  if (value.kind === 'message') throw new Error('a message is written by its own function');
  return `${names.run(`write${suffix(value)}`)}(${expression}, bytes, ${pos})`;
}
