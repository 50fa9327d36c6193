import { RpcError } from '../../errors/index.js';

/** What is wrong in a .proto file, and where. */
export interface ProtoProblem {
  /** As the file was named by who asked for it, or by the import. */
  readonly file: string;
  /** From 1; undefined when the problem is the file itself. */
  readonly line: number | undefined;
  readonly text: string;
}

/** The reason of every error about .proto files. */
export const BAD_PROTO = 'BAD_PROTO';

/** INVALID_ARGUMENT (BAD_PROTO), one line per problem: `geo.proto:12: "City" is not defined`. */
export function protoError(problems: readonly ProtoProblem[], cause?: unknown): RpcError {
  const lines = problems.map(({ file, line, text }) => `${file}${line === undefined ? '' : `:${line}`}: ${text}`);
  return new RpcError('INVALID_ARGUMENT', lines.join('\n'), { reason: BAD_PROTO, cause });
}
