import { Reason, RpcError } from '../../errors/index.js';
import type { MessageType, MethodDefinition, ServiceDefinition } from '../contract.js';
import { type ProtoInput, readProtos } from '../proto/index.js';
import type { ServiceModel } from '../proto/model.js';
import { defineMethod, defineService } from '../service.js';
import { createReflector, type LoadedMessage } from './reflect.js';

export type { ProtoInput } from '../proto/index.js';
export type { LoadedMessage } from './reflect.js';

/** A service whose methods are not known to the type checker. */
export type LoadedService = ServiceDefinition<{
  readonly [localName: string]: MethodDefinition<LoadedMessage, LoadedMessage>;
}>;

/** What .proto files declare, ready for use. */
export interface LoadedProtos {
  /**
   * @param typeName Full name, such as `geo.Geo`.
   * @throws RpcError NOT_FOUND (UNKNOWN_SERVICE), naming the services that there are.
   */
  service(typeName: string): LoadedService;
  /**
   * @param typeName Full name, such as `geo.City`.
   * @throws RpcError NOT_FOUND.
   */
  message(typeName: string): MessageType<LoadedMessage>;
}

/**
 * Loads .proto files at run time, without generated code. Messages have the same shapes as generated ones, only slower
 * codecs (protobufjs's, by reflection).
 *
 * @param protos Path of a .proto file, several, or what `ProtoInput` says: include directories, sources in memory.
 * @throws RpcError INVALID_ARGUMENT (BAD_PROTO), a line `file:line: cause` for each problem found.
 */
export function loadProtos(protos: string | readonly string[] | ProtoInput): LoadedProtos {
  const { files } = readProtos(inputOf(protos));
  const typeOf = createReflector();
  return {
    service: (typeName) => {
      const services = files.flatMap((file) => file.services);
      const service = services.find((model) => model.typeName === typeName);
      if (service !== undefined) return defineService(typeName, methodsOf(service, typeOf));
      const names = services.map((model) => model.typeName).join(', ') || 'none';
      throw new RpcError('NOT_FOUND', `no service "${typeName}" is declared; there are: ${names}`, {
        reason: Reason.UNKNOWN_SERVICE,
      });
    },
    message: (typeName) => {
      const message = files.flatMap((file) => file.messages).find((model) => model.typeName === typeName);
      if (message === undefined) throw new RpcError('NOT_FOUND', `no message "${typeName}" is declared`);
      return typeOf(message);
    },
  };
}

/** One service of some .proto files: `loadProtos(protos).service(typeName)`, with its errors. */
export function loadService(protos: string | readonly string[] | ProtoInput, typeName: string): LoadedService {
  return loadProtos(protos).service(typeName);
}

function methodsOf(service: ServiceModel, typeOf: ReturnType<typeof createReflector>): LoadedService['methods'] {
  const methods = service.methods.map((method) => {
    const { name, localName, kind, oneway, idempotent, timeout, urgent, ordered, signal, waitForReady } = method;
    const [request, response] = [typeOf(method.request), typeOf(method.response)];
    const stated = {
      ...(timeout !== undefined && { timeout }),
      ...(urgent !== undefined && { urgent }),
      ...(ordered && { ordered }),
      ...(signal !== undefined && { signal }),
      ...(waitForReady !== undefined && { waitForReady }),
    };
    const parts = { name, localName, kind, oneway, idempotent, request, response, ...stated };
    return [localName, defineMethod(parts)] as const;
  });
  return Object.fromEntries(methods);
}

function inputOf(protos: string | readonly string[] | ProtoInput): ProtoInput {
  if (typeof protos === 'string') return { files: [protos] };
  return Array.isArray(protos) ? { files: protos } : (protos as ProtoInput);
}
