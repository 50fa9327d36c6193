import { runGen } from '@callgate/codegen';

export interface GenArguments {
  readonly out: string;
  readonly include: readonly string[];
  readonly runtime?: string;
}

/** Generates code; what is written goes to standard output, problems to standard error. Returns the exit code. */
export function gen(protos: readonly string[], { out, include, runtime }: GenArguments): number {
  const { exitCode, messages } = runGen({
    protos,
    out,
    includeDirs: include,
    ...(runtime !== undefined && { runtime }),
  });
  const stream = exitCode === 0 ? process.stdout : process.stderr;
  for (const message of messages) stream.write(`${message}\n`);
  return exitCode;
}
