/** Interfaces and enums. */
import type { EnumModel, FieldModel, MessageModel, OneofModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import { type Code, quote, WIDTH } from './text.js';
import { fieldType } from './values.js';

/** A message's properties, in the order of their numbers; a oneof stands at its first field. */
export function properties(message: MessageModel): (FieldModel | OneofModel)[] {
  return [...new Set(message.fields.map((field) => field.oneof ?? field))];
}

export function isOneof(property: FieldModel | OneofModel): property is OneofModel {
  return 'fields' in property;
}

export function emitInterface(code: Code, message: MessageModel, names: Names): void {
  const name = names.type(message);
  code.doc(message.comment, ...deprecation(message));
  if (message.fields.length === 0) {
    code.block(`export interface ${name} {`, () => code.line('readonly [field: string]: never;'));
    return;
  }
  code.block(`export interface ${name} {`, () => {
    for (const property of properties(message)) {
      if (isOneof(property)) emitOneof(code, property, names);
      else emitField(code, property, names);
    }
  });
}

function emitField(code: Code, field: FieldModel, names: Names): void {
  const type = fieldType(field, names);
  const absent = field.shape === 'singular' && field.presence === 'explicit';
  const standard = field.default === undefined ? [] : [`@default ${field.default}`];
  code.doc(field.comment, ...standard, ...deprecation(field));
  code.line(absent ? `${field.localName}?: ${type} | undefined;` : `${field.localName}: ${type};`);
}

/** On one line when it fits and no member has a comment. */
function emitOneof(code: Code, oneof: OneofModel, names: Names): void {
  code.doc(oneof.comment);
  const members = oneof.fields.map((field) => `{ case: ${quote(field.localName)}; value: ${fieldType(field, names)} }`);
  const flat = `${oneof.localName}?: ${members.join(' | ')} | undefined;`;
  const commented = (field: FieldModel) => field.comment !== undefined || field.deprecated;
  if (flat.length + 2 <= WIDTH && !oneof.fields.some(commented)) {
    code.line(flat);
    return;
  }
  code.line(`${oneof.localName}?:`);
  code.indented(() => {
    for (const [index, field] of oneof.fields.entries()) {
      if (!commented(field)) code.line(`| ${members[index]}`);
      else {
        code.line('| {').indented(() => {
          code.indented(() => {
            code.line(`case: ${quote(field.localName)};`).doc(field.comment, ...deprecation(field));
            code.line(`value: ${fieldType(field, names)};`);
          });
          code.line('}');
        });
      }
    }
    code.line('| undefined;');
  });
}

export function emitEnum(code: Code, model: EnumModel, names: Names): void {
  const name = names.type(model);
  code.doc(model.comment, ...deprecation(model));
  code.block(
    `export const ${name} = {`,
    () => {
      for (const value of model.values) {
        code.doc(value.comment, ...deprecation(value));
        code.line(`${value.name}: ${value.number},`);
      }
    },
    '} as const;',
  );
  const known = `(typeof ${name})[keyof typeof ${name}]`;
  if (model.closed) code.line('', `export type ${name} = ${known};`);
  else {
    code.line('').doc('A number without a name is kept as it came.');
    code.line(`export type ${name} = ${known} | (number & {});`);
  }
}

export function deprecation({ deprecated }: { readonly deprecated: boolean }): string[] {
  return deprecated ? ['@deprecated'] : [];
}
