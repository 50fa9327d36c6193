import { Reason, RpcError } from '../../errors/index.js';

/** Messages nested deeper than this are refused, written or read. Protobuf's own limit in its C++ and Java libraries. */
export const MAX_DEPTH = 100;

/** A value that the schema has no bytes for. `field` is a full name such as `geo.City.name`. */
export function unencodable(field: string, expected: string, found: unknown): RpcError {
  const message = `cannot encode ${field}: expected ${expected}, found ${describe(found)}`;
  return new RpcError('INVALID_ARGUMENT', message, { reason: Reason.UNENCODABLE });
}

/** Bytes that are no message of the schema. `where` is the full name of a field or a message. */
export function undecodable(where: string, problem: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `cannot decode ${where}: ${problem}`, { reason: Reason.UNDECODABLE });
}

export function tooDeepToDecode(typeName: string): RpcError {
  return undecodable(typeName, `messages are nested more than ${MAX_DEPTH} deep`);
}

export function tooDeepToEncode(typeName: string): RpcError {
  const problem = `messages are nested more than ${MAX_DEPTH} deep (or contain themselves)`;
  return new RpcError('INVALID_ARGUMENT', `cannot encode ${typeName}: ${problem}`, { reason: Reason.UNENCODABLE });
}

/** A value in a few words, for people: `1.5`, `"text"`, `an array`. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case 'bigint':
      return `${value}n`;
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'an array';
      return value instanceof Uint8Array ? 'bytes' : 'an object';
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}
