import { Reason, RpcError } from '../../errors/index.js';
import type { MethodDefinition, ServiceDefinition } from '../contract.js';
import { type ProtoInput, readProtos } from '../proto/index.js';
import type { MethodModel } from '../proto/model.js';
import { defineMethod, defineService } from '../service.js';
import { createReflector, type LoadedMessage } from './reflect.js';

export type { ProtoInput } from '../proto/index.js';
export type { LoadedMessage } from './reflect.js';

/** A service whose methods are not known to the type checker. */
export type LoadedService = ServiceDefinition<{
  readonly [localName: string]: MethodDefinition<LoadedMessage, LoadedMessage>;
}>;

/**
 * Loads a service from .proto files at run time, without generated code. Messages have the same shapes as generated
 * ones, only slower codecs (protobufjs's, by reflection).
 *
 * @param protos Path of a .proto file, several, or what `ProtoInput` says: include directories, sources in memory.
 * @param serviceName Full name, such as `geo.Geo`.
 * @throws RpcError INVALID_ARGUMENT (BAD_PROTO), a line `file:line: cause` for each problem found; NOT_FOUND
 *   (UNKNOWN_SERVICE), naming the services that there are.
 */
export function loadService(protos: string | readonly string[] | ProtoInput, serviceName: string): LoadedService {
  const input: ProtoInput =
    typeof protos === 'string'
      ? { files: [protos] }
      : Array.isArray(protos)
        ? { files: protos }
        : (protos as ProtoInput);
  const services = readProtos(input).files.flatMap((file) => file.services);
  const service = services.find(({ typeName }) => typeName === serviceName);
  if (service === undefined) {
    const names = services.map(({ typeName }) => typeName).join(', ') || 'none';
    throw new RpcError('NOT_FOUND', `no service "${serviceName}" is declared; there are: ${names}`, {
      reason: Reason.UNKNOWN_SERVICE,
    });
  }
  const typeOf = createReflector();
  const methods = service.methods.map((method: MethodModel) => {
    const { name, localName, kind, oneway, idempotent, timeout } = method;
    const parts = {
      name,
      localName,
      kind,
      oneway,
      idempotent,
      request: typeOf(method.request),
      response: typeOf(method.response),
    };
    return [localName, defineMethod(timeout === undefined ? parts : { ...parts, timeout })] as const;
  });
  return defineService(serviceName, Object.fromEntries(methods));
}
