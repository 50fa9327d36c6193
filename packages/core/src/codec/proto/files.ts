import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import protobuf from 'protobufjs';
import { bundledText } from './bundled.js';
import { parseInto } from './parse.js';
import { type ProtoProblem, protoError } from './problem.js';
import { type ImportStatement, type Scan, scanProto } from './scan.js';

/** What to read. At least one file or source. */
export interface ProtoInput {
  /** Paths of .proto files. */
  readonly files?: readonly string[];
  /**
   * Directories in which imports are looked for, in this order; then in those of the files themselves. A file's name,
   * and the place of what is generated from it, is its path below the first directory that contains it.
   */
  readonly includeDirs?: readonly string[];
  /** Files that are only in memory: their texts by their names, as imports write them. */
  readonly sources?: Readonly<Record<string, string>>;
}

export interface ProtoFile {
  /** As imports write it, such as `google/protobuf/timestamp.proto`. */
  readonly name: string;
  /** As people know it: the path, or the name when it has none. */
  readonly path: string;
  /** Asked for by itself, not only imported. */
  readonly requested: boolean;
  readonly scan: Scan;
}

export interface LoadedFiles {
  /** Each file once, in the order in which they were met: importers before what they import. */
  readonly files: readonly ProtoFile[];
  readonly root: protobuf.Root;
}

/** A file to be read: where it is, or its text. */
interface Source {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** Reads and parses files and everything they import. Throws INVALID_ARGUMENT (BAD_PROTO) with all problems found. */
export function loadFiles(input: ProtoInput): LoadedFiles {
  const { files: paths = [], includeDirs = [], sources = {} } = input;
  const ownDirs = [...new Set(paths.map((path) => dirname(path)))].sort(
    (a, b) => resolve(a).length - resolve(b).length,
  );
  const dirs = [...includeDirs, ...ownDirs];
  const root = new protobuf.Root();
  const files = new Map<string, ProtoFile>();
  const nameOfPath = new Map<string, string>();
  const problems: ProtoProblem[] = [];

  const add = (source: Source, requested: boolean, importers: readonly string[]): void => {
    if (files.has(source.name)) return;
    const scan = scanProto(source.text);
    const file = { name: source.name, path: source.path, requested, scan };
    parseInto(root, file, source.text, files.values());
    files.set(source.name, file);
    for (const statement of scan.imports) follow(file, statement, [...importers, source.name]);
  };

  const follow = (file: ProtoFile, statement: ImportStatement, importers: readonly string[]): void => {
    const { path: name, line } = statement;
    const problem = (text: string) => problems.push({ file: file.path, line, text });
    if (importers.includes(name)) problem(`import "${name}" leads back to ${file.name}: imports can't go in circles`);
    else if (isAbsolute(name) || posix.normalize(name) !== name || name.startsWith('..')) {
      problem(`import "${name}" is not a path below an include directory`);
    } else {
      const source = find(name, (text) => problem(text));
      if (source !== undefined) add(source, false, importers);
    }
  };

  const find = (name: string, problem: (text: string) => void): Source | undefined => {
    const text = Object.hasOwn(sources, name) ? sources[name] : bundledText(name);
    if (text !== undefined) return { name, path: name, text };
    const path = dirs.map((dir) => join(dir, name)).find(isFile);
    if (path === undefined) {
      problem(`import "${name}" was not found in ${dirs.length === 0 ? 'any include directory' : dirs.join(', ')}`);
      return undefined;
    }
    const known = remember(path, name);
    if (known === name) return { name, path, text: readFileSync(path, 'utf8') };
    problem(`import "${name}" is the file that is also known as "${known}": say with include directories which it is`);
    return undefined;
  };

  const remember = (path: string, name: string): string => {
    const real = realpathSync(path);
    const known = nameOfPath.get(real) ?? name;
    nameOfPath.set(real, known);
    return known;
  };

  const requested: Source[] = Object.entries(sources).map(([name, text]) => ({ name, path: name, text }));
  for (const path of paths) {
    if (!isFile(path)) problems.push({ file: path, line: undefined, text: 'there is no such file' });
    else {
      const name = remember(path, nameBelow(dirs, path));
      requested.push({ name, path, text: readFileSync(path, 'utf8') });
    }
  }
  for (const source of requested) add(source, true, []);
  if (problems.length > 0) throw protoError(problems);
  return { files: markRequested([...files.values()], requested), root };
}

/** A file that another one imported first is still one that was asked for. */
function markRequested(files: readonly ProtoFile[], requested: readonly Source[]): ProtoFile[] {
  const names = new Set(requested.map((source) => source.name));
  return files.map((file) => ({ ...file, requested: names.has(file.name) }));
}

function nameBelow(dirs: readonly string[], path: string): string {
  for (const dir of dirs) {
    const below = relative(dir, path);
    if (below !== '' && !below.startsWith('..') && !isAbsolute(below)) return below.split(sep).join('/');
  }
  return path;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
