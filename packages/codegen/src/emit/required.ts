/**
 * Required fields of proto2. A message that occurs in parts is complete only when all of it was read, so they are
 * looked for once, when the outermost message is complete.
 */
import type { FieldModel, FileModel, MessageModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import { type Code, quote } from './text.js';

/** Whether a message has a required field, itself or in a message inside it. */
export function needsRequired(message: MessageModel): boolean {
  const seen = new Set([message]);
  for (const { fields } of seen) {
    for (const { presence, value } of fields) {
      if (presence === 'required') return true;
      if (value.kind === 'message') seen.add(value);
    }
  }
  return false;
}

export function emitRequired(code: Code, message: MessageModel, names: Names): void {
  const type = names.type(message);
  code.block(`function ${type}$checkRequired(message: ${type}): void {`, () => {
    for (const field of message.fields) {
      if (field.presence === 'required') {
        const missing = `throw ${names.run('missingToDecode')}(${quote(field.fullName)})`;
        code.line(`if ((message.${field.localName} as unknown) === undefined) ${missing};`);
      }
      const { value } = field;
      if (value.kind === 'message' && needsRequired(value)) nested(code, field, value, message.file, names);
    }
  });
}

function nested(code: Code, field: FieldModel, value: MessageModel, file: FileModel, names: Names): void {
  const check = (item: string) => `${names.codec(value, 'checkRequired')}${value.file === file ? '' : '?.'}(${item});`;
  const { localName, oneof } = field;
  if (oneof !== undefined) {
    const property = `message.${oneof.localName}`;
    code.line(`if (${property}?.case === ${quote(localName)}) ${check(`${property}.value`)}`);
  } else if (field.shape === 'map') code.line(`for (const item of message.${localName}.values()) ${check('item')}`);
  else if (field.shape === 'repeated') code.line(`for (const item of message.${localName}) ${check('item')}`);
  else if (field.presence === 'required') code.line(check(`message.${localName}`));
  else code.line(`if (message.${localName} !== undefined) ${check(`message.${localName}`)}`);
}
