import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export type GrpcService = ServiceClientConstructor;

/**
 * A service of a .proto file as gRPC's own loader reads it, with 64-bit integers as strings.
 * @param typeName with its package, such as `bench.Greeter`
 * @param includeDirs where imports are looked for
 */
export function loadGrpcService(file: string, typeName: string, includeDirs: readonly string[] = []): GrpcService {
  const definition = loadSync(file, { longs: String, defaults: true, includeDirs: [...includeDirs] });
  let found: unknown = loadPackageDefinition(definition);
  for (const part of typeName.split('.')) found = (found as GrpcObject | undefined)?.[part];
  if (typeof found !== 'function') throw new Error(`${file} has no service ${typeName}`);
  return found as GrpcService;
}

/** The descriptors of the files that a type of a .proto file needs, itself included, encoded: what gRPC's loader reads. */
export function descriptorsOf(file: string, typeName: string): readonly Uint8Array[] {
  const type = loadSync(file)[typeName];
  if (type === undefined || !('fileDescriptorProtos' in type)) throw new Error(`${file} has no message ${typeName}`);
  return type.fileDescriptorProtos as readonly Uint8Array[];
}
