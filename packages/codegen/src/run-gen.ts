import { join } from 'node:path';
import { RpcError } from '@callgate/core/errors';
import { generate } from './generate.js';

/** `callgate gen <protos…> --out <dir> [-I <dir>…] [--runtime <module>]`, parsed. */
export interface GenOptions {
  readonly protos: readonly string[];
  readonly out: string;
  readonly includeDirs?: readonly string[];
  readonly runtime?: string;
}

export interface GenResult {
  /** What the process should exit with: 0, or 1 when nothing was generated. */
  readonly exitCode: number;
  /** For people, a line each: files written, or problems. */
  readonly messages: readonly string[];
}

/** The command behind `callgate gen`. Never throws: what is wrong becomes a message. */
export function runGen({ protos, out, includeDirs = [], runtime }: GenOptions): GenResult {
  if (protos.length === 0) return { exitCode: 1, messages: ['no .proto files were given'] };
  try {
    const options = { files: protos, includeDirs, out };
    const files = generate(runtime === undefined ? options : { ...options, runtime });
    return { exitCode: 0, messages: files.map(({ path, proto }) => `${proto} -> ${join(out, path)}`) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      exitCode: 1,
      messages: RpcError.is(error) ? message.split('\n') : [`cannot write into ${out}: ${message}`],
    };
  }
}
