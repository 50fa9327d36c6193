import type { MethodDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import { type Notification, VALUE_TYPES, type ValueType } from '../transport/notification.js';

/** A method as a notification, with what only those know who have its definition. */
export interface NotificationMethod extends Notification {
  /** Number of the field that holds the value; 0 where there is none. */
  readonly field: number;
}

/**
 * What the methods of a service are as notifications: one-way, with an empty request or one field of 32 bits. Throws
 * INVALID_ARGUMENT (UNSUPPORTED) naming the first method that can't be one, and why.
 */
export function notificationsOf(
  methods: readonly { readonly path: string; readonly method: MethodDefinition }[],
): readonly NotificationMethod[] {
  return methods.map(({ path, method }) => {
    const { kind, oneway, request, signal: choice } = method;
    if (kind !== 'unary') throw refused(path, `it is ${kind}`);
    if (!oneway) throw refused(path, 'it is answered (it has no option (callgate.oneway))');
    const [field, ...others] = request.schema.fields;
    if (field === undefined) return { path, value: undefined, choice, field: 0 };
    const named = `${request.typeName} has`;
    if (others.length > 0) throw refused(path, `${named} ${others.length + 1} fields`);
    if (field.repeated) throw refused(path, `${named} a repeated field, "${field.name}"`);
    if (!isValueType(field.type)) throw refused(path, `${named} a field of type ${field.type}, "${field.name}"`);
    return { path, value: field.type, choice, field: field.number };
  });
}

function isValueType(type: string): type is ValueType {
  return (VALUE_TYPES as readonly string[]).includes(type);
}

function refused(path: string, why: string): RpcError {
  const words = `${path} can't be a notification: ${why}. Every method must be one-way, and its request empty or one field of 32 bits (${VALUE_TYPES.join(', ')})`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.UNSUPPORTED });
}
