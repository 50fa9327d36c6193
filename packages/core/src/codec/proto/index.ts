import { buildModel } from './build.js';
import { loadFiles, type ProtoInput } from './files.js';
import type { ProtoModel } from './model.js';

export type { ProtoInput } from './files.js';
export type * from './model.js';
export { BAD_PROTO, type ProtoProblem, protoError } from './problem.js';

/**
 * Reads .proto files with everything that they import. `callgate/options.proto` and `google/protobuf/*.proto` need not
 * lie anywhere.
 *
 * @throws RpcError INVALID_ARGUMENT, reason BAD_PROTO, with a line `file:line: cause` for each problem found.
 */
export function readProtos(input: ProtoInput): ProtoModel {
  return buildModel(loadFiles(input));
}
