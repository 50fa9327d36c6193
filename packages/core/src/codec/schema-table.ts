/**
 * Schemas as plain JSON, for the greeting of a link:
 *
 *     { roots: [0, 2],                               one index into `messages` per schema described, in order
 *       messages: [['geo.LookUpRequest',             [name, field, field, …]
 *                    [1, 'name', 'string', 0],       [number, name, type, repeated]
 *                    [2, 'near', 'message', 1, 1]],  [number, name, 'message' or 'group', repeated, index into `messages`]
 *                  ['geo.Point', …], …] }
 */
import { Reason, RpcError } from '../errors/index.js';
import type { FieldSchema, MessageSchema } from './contract.js';

export type SchemaField =
  | readonly [number: number, name: string, type: string, repeated: 0 | 1]
  | readonly [number: number, name: string, type: string, repeated: 0 | 1, message: number];

export interface SchemaTable {
  readonly roots: readonly number[];
  readonly messages: readonly (readonly [typeName: string, ...fields: SchemaField[]])[];
}

/** What a peer may ask this side to hold: far above any real service. */
const MAX_MESSAGES = 10_000;
const MAX_FIELDS = 100_000;
const MAX_NAME = 512;
const MAX_NUMBER = 2 ** 29 - 1;
const SCALARS =
  'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes enum handle'.split(
    ' ',
  );

/** Each message type once, however often it is used; recursive types are no problem. */
export function describeSchemas(schemas: readonly MessageSchema[]): SchemaTable {
  const indexes = new Map<MessageSchema, number>();
  const found: MessageSchema[] = [];
  const indexOf = (schema: MessageSchema): number => {
    const known = indexes.get(schema);
    if (known !== undefined) return known;
    indexes.set(schema, found.length);
    return found.push(schema) - 1;
  };
  const roots = schemas.map(indexOf);
  const messages: [string, ...SchemaField[]][] = [];
  for (const schema of found) messages.push([schema.typeName, ...schema.fields.map((field) => row(field, indexOf))]);
  return { roots, messages };
}

function row(field: FieldSchema, indexOf: (schema: MessageSchema) => number): SchemaField {
  const { number, name, type } = field;
  const repeated = field.repeated ? 1 : 0;
  return field.message === undefined
    ? [number, name, type, repeated]
    : [number, name, type, repeated, indexOf(field.message())];
}

/**
 * The schemas of a table that came from a peer, in the order in which they were described. Nothing about it is
 * trusted: throws RpcError DATA_LOSS (PROTOCOL_VIOLATION) on anything that `describeSchemas` would not have made.
 */
export function parseSchemas(table: unknown): MessageSchema[] {
  const { roots, messages } = (isRecord(table) ? table : {}) as Record<string, unknown>;
  if (!Array.isArray(roots) || !Array.isArray(messages)) throw bad('it is no table of messages');
  if (messages.length > MAX_MESSAGES || roots.length > MAX_FIELDS) throw bad('there are too many messages');
  let fieldsLeft = MAX_FIELDS;
  const schemas: MessageSchema[] = [];
  for (const message of messages as unknown[]) {
    const [typeName, ...rows] = Array.isArray(message) ? (message as unknown[]) : [];
    if (!isName(typeName)) throw bad('a message has no name');
    fieldsLeft -= rows.length;
    if (fieldsLeft < 0) throw bad('there are too many fields');
    const numbers = new Set<number>();
    const fields = rows.map((value) => parseField(value, typeName, numbers, messages.length, schemas));
    schemas.push({ typeName, fields });
  }
  return roots.map((index: unknown) => {
    const schema = isIndex(index, schemas.length) ? schemas[index] : undefined;
    if (schema === undefined) throw bad('a root is no message of the table');
    return schema;
  });
}

function parseField(
  value: unknown,
  typeName: string,
  numbers: Set<number>,
  count: number,
  schemas: readonly MessageSchema[],
): FieldSchema {
  const [number, name, type, repeated, message] = Array.isArray(value) ? (value as unknown[]) : [];
  if (!isIndex(number, MAX_NUMBER + 1) || number === 0) throw bad(`a field of ${typeName} has no number`);
  if (numbers.has(number)) throw bad(`two fields of ${typeName} have number ${number}`);
  numbers.add(number);
  if (!isName(name) || (repeated !== 0 && repeated !== 1)) throw bad(`field ${number} of ${typeName} is incomplete`);
  const field = { number, name, repeated: repeated === 1 };
  if (type === 'message' || type === 'group') {
    if (!isIndex(message, count)) throw bad(`field ${number} of ${typeName} has an unknown message type`);
    return { ...field, type, message: () => schemas[message]! };
  }
  if (typeof type !== 'string' || !SCALARS.includes(type)) throw bad(`field ${number} of ${typeName} has no type`);
  return { ...field, type };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME;
}

function isIndex(value: unknown, end: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < end;
}

function bad(what: string): RpcError {
  return new RpcError('DATA_LOSS', `the peer's message schemas can't be read: ${what}`, {
    reason: Reason.PROTOCOL_VIOLATION,
    failed: 'channel',
  });
}
