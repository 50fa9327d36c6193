/**
 * The functions that check and write a message in one pass, and tell beforehand how much room that takes at most. For
 * messages of single values and of other such messages; what is in lists is measured first, as it may be long.
 */
import type { FieldModel, MessageModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import { isPresent } from './size.js';
import { type Code, quote } from './text.js';
import { fixedBytes, suffix, tagBytes, wireType } from './values.js';

/** Bytes of the longest varint. */
const VARINT_BYTES = 10;

/** Whether a message has these functions. */
export function isPackable(message: MessageModel, inside: readonly MessageModel[] = []): boolean {
  if (message.fields.length === 0 || inside.includes(message)) return false;
  const within = [...inside, message];
  return message.fields.every(({ shape, presence, group, oneof, value }) => {
    if (shape !== 'singular' || presence === 'required' || group || oneof !== undefined) return false;
    if (value.kind === 'message') return isPackable(value, within);
    return value.kind === 'enum' || value.scalar !== 'handle';
  });
}

export function emitBound(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  code
    .list(`function ${type}$bound(`, [`message: ${names.run('MessageInit')}<${type}>`], '): number {')
    .indented(() => {
      code.line("if (typeof message !== 'object' || message === null) return Number.NaN;");
      const constant = message.fields.reduce((sum, field) => sum + atMost(field), 0);
      code.line(`let bound = ${constant};`);
      for (const field of message.fields) {
        const grows = growing(field, names);
        if (grows === undefined) continue;
        const variable = names.variable(field.localName);
        code.line(`const ${variable} = message.${field.localName};`);
        code.line(`if (${variable} !== undefined) bound += ${grows(variable)};`);
      }
      code.line('return bound;');
    });
  code.line('}');
}

export function emitPack(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const head = [`message: ${names.run('MessageInit')}<${type}>`, 'bytes: Buffer', 'start: number'];
  code.list(`function ${type}$pack(`, head, '): number {').indented(() => {
    code.line(`${names.run('checkMessage')}(message, 0, ${quote(message.typeName)});`, 'let pos = start;');
    for (const field of message.fields) {
      const variable = names.variable(field.localName);
      code.line(`const ${variable} = message.${field.localName};`);
      code.block(`if (${present(field, variable)}) {`, () => one(code, field, variable, names));
    }
    code.line('return pos;');
  });
  code.line('}');
}

/** As when it is written after it was measured, only that nothing is known of the value yet. */
function present(field: FieldModel, variable: string): string {
  const { value } = field;
  if (field.presence === 'implicit' && value.kind === 'scalar' && value.scalar === 'bytes')
    return `${variable} !== undefined && ${variable}?.length !== 0`;
  return isPresent(field, variable);
}

function one(code: Code, { value, number, fullName }: FieldModel, variable: string, names: Names): void {
  const tag = tagBytes(number, wireType(value));
  for (const [index, byte] of tag.entries()) code.line(`bytes[${index === 0 ? 'pos' : `pos + ${index}`}] = ${byte};`);
  const after = `pos + ${tag.length}`;
  if (value.kind === 'message') {
    const content = `${names.codec(value, 'pack')}(${variable}, bytes, pos + ${tag.length + 1})`;
    code.line(`pos = ${names.run('closeLength')}(bytes, ${after}, ${content});`);
  } else {
    code.line(`pos = ${names.run(`pack${suffix(value)}`)}(${variable}, bytes, ${after}, ${quote(fullName)});`);
  }
}

/** Bytes that a field takes at most, but for what its length depends on. */
function atMost({ value, number }: FieldModel): number {
  const tag = tagBytes(number, wireType(value)).length;
  if (value.kind === 'message' || (value.kind === 'scalar' && hasLength(value.scalar))) return tag;
  return tag + (fixedBytes(value) ?? VARINT_BYTES);
}

/** Source of the rest, or undefined for none. */
function growing({ value }: FieldModel, names: Names): ((variable: string) => string) | undefined {
  if (value.kind === 'message')
    return (variable) => `${names.run('boundDelimited')}(${names.codec(value, 'bound')}(${variable}))`;
  if (value.kind !== 'scalar' || !hasLength(value.scalar)) return undefined;
  return (variable) => `${names.run(`bound${suffix(value)}`)}(${variable})`;
}

function hasLength(scalar: string): boolean {
  return scalar === 'string' || scalar === 'bytes';
}
