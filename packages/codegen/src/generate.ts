import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileModel, type ProtoInput, readProtos } from '@callgate/core/codec/proto';
import { emitFile } from './emit/file.js';
import { outputPath, references } from './emit/names.js';

export interface GenerateOptions extends ProtoInput {
  /** The module from which generated files import their helpers. @default 'callgate/codec' */
  readonly runtime?: string;
}

/** One generated file. */
export interface GeneratedFile {
  /** Relative to the output directory, with forward slashes: `google/protobuf/empty.ts`. */
  readonly path: string;
  readonly content: string;
  /** The .proto file it was made from, as people know it. */
  readonly proto: string;
}

/**
 * Generates code, writing nothing: a file for each .proto that was asked for, and for each imported one whose types
 * those use. The same input gives the same bytes.
 *
 * @throws RpcError INVALID_ARGUMENT (BAD_PROTO), with a line `file:line: cause` for each problem found.
 */
export function generateFiles(options: GenerateOptions): GeneratedFile[] {
  const { runtime = 'callgate/codec', ...input } = options;
  const files = readProtos(input).files;
  const wanted = new Set(files.filter((file) => file.requested));
  for (const file of wanted) for (const { file: used } of references(file)) wanted.add(used);
  return [...wanted].map((file: FileModel) => ({
    path: outputPath(file.name),
    content: emitFile(file, runtime),
    proto: file.path,
  }));
}

export interface WriteOptions extends GenerateOptions {
  /** The directory to write into; made when it does not exist. */
  readonly out: string;
}

/** Generates code and writes it. Files that would not change are left alone. Returns all of them. */
export function generate({ out, ...options }: WriteOptions): GeneratedFile[] {
  const generated = generateFiles(options);
  for (const { path, content } of generated) {
    const target = join(out, path);
    if (contentOf(target) === content) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  return generated;
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
