import protobuf from 'protobufjs';
import { HANDLE_PROTO } from './bundled.js';
import { type Building, features } from './declared.js';
import type { ProtoFile } from './files.js';
import type { EnumModel, FieldModel, MessageModel, OneofModel, ScalarType, ValueModel } from './model.js';
import { entryName, propertyName } from './names.js';
import type { ProtoProblem } from './problem.js';
import { at, nameOf } from './resolve.js';

const MAX_NUMBER = 2 ** 29 - 1;

type Types = ReadonlyMap<protobuf.ReflectionObject, MessageModel | EnumModel>;

/** Fills a message's fields and oneofs. */
export function buildFields(
  file: ProtoFile,
  message: Building<MessageModel>,
  types: Types,
  problems: ProtoProblem[],
): void {
  const type = message.reflected;
  const oneofs = new Map<protobuf.OneOf, Building<OneofModel>>();
  for (const oneof of type.oneofsArray) {
    // What proto3 calls `optional` is kept by protobufjs as a oneof with one field.
    if (oneof.isProto3Optional) continue;
    const { name } = oneof;
    const base = { name, localName: propertyName(name), fullName: nameOf(oneof), comment: oneof.comment ?? undefined };
    oneofs.set(oneof, { ...base, fields: [] });
  }
  message.fields = [...type.fieldsArray]
    .sort((a, b) => a.id - b.id)
    .map((field) => {
      const oneof = field.partOf === null ? undefined : oneofs.get(field.partOf);
      const model = buildField(field, oneof, types);
      if (oneof !== undefined) oneof.fields = [...oneof.fields, model];
      return model;
    });
  message.oneofs = [...oneofs.values()];
  checkNames(file, message, problems);
}

function buildField(field: protobuf.Field, oneof: OneofModel | undefined, types: Types): FieldModel {
  const resolved = field.resolvedType && types.get(field.resolvedType);
  const isHandle = isHandleType(resolved);
  if (isHandle) writeWithLength(field);
  const value: ValueModel = isHandle
    ? { kind: 'scalar', scalar: 'handle' }
    : (resolved ?? { kind: 'scalar', scalar: field.type as ScalarType });
  const shape = field.map ? 'map' : field.repeated ? 'repeated' : 'singular';
  const isMessage = resolved?.kind === 'message';
  return {
    name: field.name,
    localName: propertyName(field.name),
    fullName: nameOf(field),
    number: field.id,
    comment: field.comment ?? undefined,
    deprecated: field.getOption('deprecated') === true,
    value,
    shape,
    key: field instanceof protobuf.MapField ? (field.keyType as ScalarType) : undefined,
    entryName: field.map ? entryName(nameOf(field.parent!), field.name) : undefined,
    presence: field.required ? 'required' : field.hasPresence || isMessage ? 'explicit' : 'implicit',
    oneof,
    packed: shape === 'repeated' && field.packed && isPackable(value),
    group: field.delimited && value.kind === 'message',
    strictUtf8: features(field).utf8_validation === 'VERIFY',
    default: defaultInWords(field),
  };
}

/** What stands for a handle is Callgate's own, and written in one way, whatever the file says of its messages. */
function writeWithLength(field: protobuf.Field): void {
  Object.defineProperty(field, 'delimited', { value: false });
}

/** Callgate's own type of open files, by whatever name it is reached. */
export function isHandleType(model: MessageModel | EnumModel | null | undefined): boolean {
  return model?.typeName === 'callgate.Handle' && model.file.name === HANDLE_PROTO;
}

function isPackable(value: ValueModel): boolean {
  if (value.kind === 'message') return false;
  return value.kind === 'enum' || !['string', 'bytes', 'handle'].includes(value.scalar);
}

function defaultInWords(field: protobuf.Field): string | undefined {
  const value: unknown = field.getOption('default');
  if (value === undefined) return undefined;
  return field.type === 'string' || field.type === 'bytes' ? JSON.stringify(value) : String(value);
}

/** Two fields that become one property; a number that no field may have. */
function checkNames(file: ProtoFile, message: MessageModel, problems: ProtoProblem[]): void {
  const taken = new Map<string, string>();
  const properties = [...message.fields.filter((field) => field.oneof === undefined), ...message.oneofs];
  const members = message.oneofs.flatMap((oneof) => oneof.fields);
  for (const { name, localName, fullName } of [...properties, ...members]) {
    const other = taken.get(localName);
    const object = message.reflected.get(name) ?? message.reflected.oneofs?.[name];
    if (other === undefined) taken.set(localName, name);
    else if (object) {
      const text = `"${name}" and "${other}" both become the property "${localName}" of ${message.typeName}`;
      problems.push(at(file, object, text));
    } else problems.push({ file: file.path, line: message.line, text: `"${fullName}" is declared twice` });
  }
  for (const field of message.reflected.fieldsArray) {
    const { id } = field;
    if (id < 1 || id > MAX_NUMBER)
      problems.push(at(file, field, `field number ${id} is not between 1 and ${MAX_NUMBER}`));
    else if (id >= 19_000 && id <= 19_999) {
      problems.push(
        at(file, field, `field number ${id} is one of those (19000 to 19999) that protobuf keeps for itself`),
      );
    }
  }
}
