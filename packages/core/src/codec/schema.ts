import type { FieldSchema, MessageSchema } from './contract.js';

/**
 * Types whose values are written alike, so that one may be changed into another. The rest go together only with
 * themselves. Source: https://protobuf.dev/programming-guides/proto3/#updating
 */
const families: readonly (readonly string[])[] = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
  ['string', 'bytes'],
  ['message', 'bytes'],
];

/** Types of which a singular field may become repeated, and the other way round: their wire type is never packed. */
const packless: readonly string[] = ['string', 'bytes', 'message'];

/**
 * Whether messages of one schema can be read by the other. Returns the first incompatibility in words, such as
 * `geo.LookUpRequest field 2: "limit" is uint32 here and string there`, or undefined when there is none. Fields that
 * only one side has, other names, and every change that protobuf calls safe are compatible.
 */
export function compareSchemas(mine: MessageSchema, theirs: MessageSchema): string | undefined {
  const compared = new Map<MessageSchema, Set<MessageSchema>>();
  // A list instead of recursion: types can contain themselves, and the peer's can be nested as deeply as it likes.
  const pairs: [MessageSchema, MessageSchema][] = [[mine, theirs]];
  for (const [here, there] of pairs) {
    if (!firstTime(compared, here, there)) continue;
    const fieldsThere = new Map(there.fields.map((field) => [field.number, field]));
    for (const field of here.fields) {
      const other = fieldsThere.get(field.number);
      if (other === undefined) continue;
      if (!compatible(field, other)) {
        const where = `${here.typeName} field ${field.number}`;
        return `${where}: "${field.name}" is ${typeOf(field)} here and ${nameThere(field, other)}${typeOf(other)} there`;
      }
      if (field.message !== undefined && other.message !== undefined) pairs.push([field.message(), other.message()]);
    }
  }
  return undefined;
}

function firstTime(
  compared: Map<MessageSchema, Set<MessageSchema>>,
  here: MessageSchema,
  there: MessageSchema,
): boolean {
  const seen = compared.get(here) ?? new Set();
  if (seen.has(there)) return false;
  compared.set(here, seen.add(there));
  return true;
}

function compatible(here: FieldSchema, there: FieldSchema): boolean {
  const related = families.some((family) => family.includes(here.type) && family.includes(there.type));
  if (here.type !== there.type && !related) return false;
  return here.repeated === there.repeated || (packless.includes(here.type) && packless.includes(there.type));
}

function typeOf(field: FieldSchema): string {
  const type = field.message?.().typeName ?? field.type;
  return field.repeated ? `repeated ${type}` : type;
}

function nameThere(here: FieldSchema, there: FieldSchema): string {
  return here.name === there.name ? '' : `"${there.name}", `;
}
