import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readProtos } from './index.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'callgate-protos-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

function write(name: string, ...lines: readonly string[]): string {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, ['syntax = "proto3";', ...lines].join('\n'));
  return path;
}

const names = (files: readonly string[], includeDirs: readonly string[] = []) =>
  readProtos({ files, includeDirs }).files.map(({ name }) => name);

it('names a file by its path below the first include directory that contains it', () => {
  const path = write('a/b/c.proto');
  expect(names([path], [join(dir, 'x'), join(dir, 'a'), dir])).toEqual(['b/c.proto']);
});

it('names a file by itself when no include directory contains it', () => {
  expect(names([write('a/b/c.proto')])).toEqual(['c.proto']);
});

it('names files below one another as the outermost sees them, in whatever order they are given', () => {
  const [outer, inner] = [write('a/outer.proto', 'import "b/inner.proto";'), write('a/b/inner.proto')];
  expect(names([outer, inner]).sort()).toEqual(['b/inner.proto', 'outer.proto']);
  expect(names([inner, outer]).sort()).toEqual(['b/inner.proto', 'outer.proto']);
});

it('finds imports in include directories first, then beside the files', () => {
  const path = write('a/main.proto', 'import "beside.proto";', 'import "far/away.proto";');
  write('a/beside.proto', 'message Wrong {}');
  write('include/beside.proto', 'message Right {}');
  write('include/far/away.proto');
  const { files } = readProtos({ files: [path], includeDirs: [join(dir, 'include')] });
  expect(files.map(({ name }) => name)).toEqual(['main.proto', 'beside.proto', 'far/away.proto']);
  expect(files[1]?.messages[0]?.typeName).toBe('Right');
});

it('tells where it looked for an import', () => {
  const path = write('a/main.proto', 'import "nope.proto";');
  expect(() => names([path], [dir])).toThrow(
    `${path}:2: import "nope.proto" was not found in ${dir}, ${join(dir, 'a')}`,
  );
});

it('tells every file that is not there', () => {
  const [one, two] = [join(dir, 'one.proto'), join(dir, 'two.proto')];
  expect(() => names([one, two])).toThrow(`${one}: there is no such file\n${two}: there is no such file`);
});

it('refuses a file that is reached under two names', () => {
  const main = write('a/main.proto', 'import "b/other.proto";', 'import "other.proto";');
  write('a/b/other.proto');
  symlinkSync(join(dir, 'a/b/other.proto'), join(dir, 'a/other.proto'));
  expect(() => names([main])).toThrow(
    `${main}:3: import "other.proto" is the file that is also known as "b/other.proto": say with include directories`,
  );
});

it('sees what an import imports publicly, and nothing else of it', () => {
  const main = write('main.proto', 'import "middle.proto";', 'message M { Seen seen = 1; }');
  write('middle.proto', 'import public "public.proto";', 'import "private.proto";');
  write('public.proto', 'message Seen {}');
  write('private.proto', 'message Hidden {}');
  expect(names([main])).toEqual(['main.proto', 'middle.proto', 'public.proto', 'private.proto']);
  write('main.proto', 'import "middle.proto";', 'message M {', '  Hidden hidden = 1;', '}');
  expect(() => names([main])).toThrow(`${main}:4: "Hidden" is defined in "private.proto", which is not imported`);
});

it('brings its own options and well-known types, which other files of their names do not replace', () => {
  const imports = [
    'any',
    'duration',
    'empty',
    'field_mask',
    'struct',
    'timestamp',
    'wrappers',
    'descriptor',
    'api',
    'type',
  ];
  const lines = imports.map((name) => `import "google/protobuf/${name}.proto";`);
  const main = write(
    'main.proto',
    'import "callgate/options.proto";',
    ...lines,
    'message M { google.protobuf.Empty e = 1; }',
  );
  write('google/protobuf/empty.proto', 'message Wrong {}');
  const { files } = readProtos({ files: [main], includeDirs: [dir] });
  expect(files.find(({ name }) => name.endsWith('empty.proto'))?.messages[0]?.typeName).toBe('google.protobuf.Empty');
  expect(files.flatMap(({ messages }) => messages).map(({ typeName }) => typeName)).toContain(
    'google.protobuf.MethodOptions',
  );
});

it('knows which files were asked for', () => {
  const [main, other] = [write('main.proto', 'import "other.proto";'), write('other.proto', 'import "third.proto";')];
  write('third.proto');
  const requested = (files: readonly string[]) =>
    readProtos({ files })
      .files.filter((file) => file.requested)
      .map(({ name }) => name);
  expect(requested([main])).toEqual(['main.proto']);
  expect(requested([main, other])).toEqual(['main.proto', 'other.proto']);
});
