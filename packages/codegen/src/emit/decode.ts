/** The function that reads a message. */
import type { FieldModel, MessageModel, OneofModel } from '@callgate/core/codec/proto';
import { DecodeCases } from './decode-cases.js';
import type { Names } from './names.js';
import { needsRequired } from './required.js';
import { type Code, quote } from './text.js';
import { isOneof, properties } from './types.js';
import { fieldType, zero } from './values.js';

export function emitDecode(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const empty = message.fields.length === 0;
  const head = ['bytes: Buffer', 'start: number', 'end: number', 'depth = 0', ...(empty ? [] : [`base?: ${type}`])];
  code.list(`function ${type}$decode(`, head, `): ${type} {`).indented(() => {
    const typeName = quote(message.typeName);
    code.line(`if (depth > ${names.run('MAX_DEPTH')}) throw ${names.run('tooDeepToDecode')}(${typeName});`);
    variables(code, message, names);
    code.line('let pos = start;');
    code.block('while (pos < end) {', () => {
      code.line('let tag = bytes[pos++]!;');
      code.block('if (tag > 127) {', () => {
        code.line(`tag = ${names.run('readTag')}(bytes, pos - 1, end, ${typeName});`);
        code.line(`pos = ${names.run('cursor')}.pos;`);
      });
      const skip = `pos = ${names.run('skipField')}(bytes, pos, end, tag, ${typeName}, depth);`;
      if (empty) code.line(skip);
      else {
        code.block('switch (tag) {', () => {
          const cases = new DecodeCases(code, names);
          for (const field of message.fields) cases.emit(field);
          code.line('default:').indented(() => code.line(skip));
        });
      }
    });
    result(code, message, names);
  });
  code.line('}');
}

/** A variable per property, with what was read before where there is such. */
function variables(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  const merged: string[] = [];
  for (const property of properties(message)) {
    const variable = names.variable(property.localName);
    const before = `base.${property.localName}`;
    if (!isOneof(property) && property.shape !== 'singular') {
      const fresh = property.shape === 'map' ? 'new Map()' : '[]';
      code.line(`const ${variable}: ${fieldType(property, names)} = base === undefined ? ${fresh} : ${before};`);
      continue;
    }
    merged.push(`${variable} = ${before};`);
    code.line(`let ${variable}${initial(property, type, names)};`);
  }
  if (merged.length > 0) code.block('if (base !== undefined) {', () => code.line(...merged));
}

function initial(property: FieldModel | OneofModel, type: string, names: Names): string {
  if (isOneof(property)) return `: ${type}['${property.localName}']`;
  const value = property.presence === 'implicit' ? zero(property.value, names) : undefined;
  if (value === undefined) return `: ${fieldType(property, names)} | undefined`;
  // An enum's zero alone would be taken for its only value.
  return property.value.kind === 'enum' ? `: ${fieldType(property, names)} = ${value}` : ` = ${value}`;
}

/** One literal, so that all messages of a type have one hidden class. */
function result(code: Code, message: MessageModel, names: Names): void {
  const entries = properties(message).map((property) => {
    const { localName } = property;
    const variable = names.variable(localName);
    if (!isOneof(property) && property.presence === 'required') {
      return `${localName}: ${variable} as ${fieldType(property, names)}`;
    }
    return variable === localName ? localName : `${localName}: ${variable}`;
  });
  if (!needsRequired(message)) {
    if (entries.length === 0) code.line('return {};');
    else code.list('return {', entries, '};', ' ');
    return;
  }
  const type = names.type(message);
  code.list(`const message: ${type} = {`, entries, '};', ' ');
  code.line(`if (depth === 0) ${type}$checkRequired(message);`, 'return message;');
}
