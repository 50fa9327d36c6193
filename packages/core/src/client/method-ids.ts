import { type Hello, type MethodEntry, methodIdOf } from '../channel/index.js';
import { compareSchemas } from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { StubMethod } from './call-in-flight.js';

/** For each method of a stub, by its index: the callee's number for it, or why it can't be called. */
export type MethodIds = readonly (number | RpcError)[];

/** Finds a stub's methods in the callee's method table; without one, their ids are known alone. */
export function bindMethods(
  methods: readonly StubMethod[],
  remote: Hello | undefined,
  address: string,
  who: 'server' | 'client' = 'server',
): MethodIds {
  const callee = `${who} at ${address}`;
  if (remote === undefined) return methods.map(({ path }) => methodIdOf(path));
  const ids = new Map(remote.methods.map((entry, id) => [`${entry.service}/${entry.method}`, id]));
  return methods.map((stub) => {
    const id = ids.get(stub.path);
    return id === undefined ? missing(stub, remote, callee) : (mismatch(stub, remote.methods[id], callee) ?? id);
  });
}

function missing(stub: StubMethod, remote: Hello, callee: string): RpcError {
  const service = stub.service.typeName;
  const known = remote.methods.filter((entry) => entry.service === service).map((entry) => entry.method);
  if (known.length > 0) {
    const words = `the ${callee} offers ${service}, but no method ${stub.method.name}; it has ${known.join(', ')}`;
    return new RpcError('UNIMPLEMENTED', words, { reason: Reason.UNKNOWN_METHOD });
  }
  const services = [...new Set(remote.methods.map((entry) => entry.service))];
  const offers = services.length === 0 ? 'no service' : services.join(', ');
  return new RpcError('UNIMPLEMENTED', `the ${callee} does not offer ${service}; it offers ${offers}`, {
    reason: Reason.UNKNOWN_SERVICE,
  });
}

/** Why a method that both sides have can't be called: they disagree about it. */
function mismatch(stub: StubMethod, remote: MethodEntry | undefined, callee: string): RpcError | undefined {
  const { kind, request, response } = stub.method;
  if (remote === undefined) return undefined;
  const what =
    kind !== remote.kind
      ? `it is ${kind} here and ${remote.kind} there`
      : (compareSchemas(request.schema, remote.request) ?? compareSchemas(response.schema, remote.response));
  if (what === undefined) return undefined;
  const words = `${stub.path}: this side and the ${callee} disagree: ${what}`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.SCHEMA_MISMATCH });
}
