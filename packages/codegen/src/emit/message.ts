/** A message: its interface, its type constant, and the functions of its codec. */
import type { FieldModel, MessageModel } from '@callgate/core/codec/proto';
import { emitDecode } from './decode.js';
import { emitEncode } from './encode.js';
import type { Names } from './names.js';
import { emitBound, emitPack, isPackable } from './pack.js';
import { emitRequired, needsRequired } from './required.js';
import { emitSize } from './size.js';
import { type Code, quote, WIDTH } from './text.js';
import { emitInterface } from './types.js';

export function emitMessage(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const required = needsRequired(message);
  const packable = isPackable(message);
  emitInterface(code.line(''), message, names);
  const head = `export const ${type}: ${names.run('DirectMessageType')}<${type}> = ${names.run('defineMessage')}({`;
  code.line('').block(
    head,
    () => {
      code.line(`typeName: ${quote(message.typeName)},`);
      emitFields(code, message, names);
      code.line(`size: ${type}$size,`, `encode: ${type}$encode,`, `decode: ${type}$decode,`);
      if (packable) code.line(`bound: ${type}$bound,`, `pack: ${type}$pack,`);
      if (required) code.line(`checkRequired: ${type}$checkRequired,`);
    },
    '});',
  );
  emitSize(code.line(''), message, names);
  emitEncode(code.line(''), message, names);
  if (packable) {
    emitBound(code.line(''), message, names);
    emitPack(code.line(''), message, names);
  }
  emitDecode(code.line(''), message, names);
  if (required) emitRequired(code.line(''), message, names);
}

function emitFields(code: Code, message: MessageModel, names: Names): void {
  const [first, second] = message.fields;
  const flat = first === undefined ? 'fields: [],' : `fields: [{ ${schema(first, names).join(', ')} }],`;
  if (second === undefined && flat.length + 2 <= WIDTH) code.line(flat);
  else {
    const all = () => {
      for (const field of message.fields) code.list('{', schema(field, names), '},', ' ');
    };
    code.block('fields: [', all, '],');
  }
}

/** The properties of a field's schema. */
function schema(field: FieldModel, names: Names): string[] {
  const { number, name, value } = field;
  const word = value.kind === 'scalar' ? value.scalar : field.group ? 'group' : value.kind;
  const message = value.kind === 'message' ? `() => ${names.type(value)}.schema` : undefined;
  const type = field.key === undefined ? word : 'message';
  const base = [
    `number: ${number}`,
    `name: ${quote(name)}`,
    `type: '${type}'`,
    `repeated: ${field.shape !== 'singular'}`,
  ];
  if (field.entryName !== undefined) {
    const entry = [quote(field.entryName), `'${field.key}'`, `'${word}'`, ...(message === undefined ? [] : [message])];
    return [...base, `message: ${names.run('mapEntry')}(${entry.join(', ')})`];
  }
  return message === undefined ? base : [...base, `message: ${message}`];
}
