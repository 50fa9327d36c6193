import { fileURLToPath } from 'node:url';
import { type GrpcService, loadGrpcService } from '@callgate/bench';

const protos = fileURLToPath(new URL('../../proto', import.meta.url));
/** Where `callgate/options.proto` stands, which geo.proto imports; gRPC's loader does not know it by itself. */
const optionProtos = fileURLToPath(new URL('../../../packages/codegen/proto', import.meta.url));

/** The city service as gRPC's own loader reads it from the same file. */
export function loadGeo(): GrpcService {
  return loadGrpcService('geo.proto', 'geo.Geo', [protos, optionProtos]);
}
