import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProtos } from '@callgate/core/codec/proto';
import { describe, expect, it } from 'vitest';
import { type GeneratedFile, generate, generateFiles } from './index.js';
import { fixtureFiles, fixturesDir, rootDir } from './testing/fixtures.js';

const fixtureInput = { files: fixtureFiles, includeDirs: [fixturesDir], runtime: '@callgate/core/codec' };

/** What lies in a directory of generated files. */
function committed(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

const contents = (files: readonly GeneratedFile[]) =>
  Object.fromEntries(files.map(({ path, content }) => [path, content]));

describe('generating again gives the committed bytes of', () => {
  it.each([
    ['examples/src/gen', ['examples/proto/geo.proto', 'examples/proto/files.proto']],
    ['bench/src/gen', ['bench/proto/greeter.proto']],
  ])('%s', (dir, protos) => {
    const generated = contents(generateFiles({ files: protos.map((name) => join(rootDir, name)) }));
    const found = committed(join(rootDir, dir));
    for (const [path, content] of Object.entries(generated)) expect(found[path] === content, path).toBe(true);
  });

  it('the fixtures', () => {
    expect(contents(generateFiles(fixtureInput))).toEqual(committed(join(rootDir, 'packages/codegen/src/testing/gen')));
  });
});

it('knows callgate.Handle as handle.proto declares it', () => {
  const root = join(rootDir, 'packages/codegen/proto');
  const sources = {
    'a.proto': 'syntax = "proto3"; import "callgate/handle.proto"; message A { callgate.Handle a = 1; }',
  };
  const bundled = readProtos({ sources }).files.find(({ name }) => name === 'callgate/handle.proto');
  const [declared] = readProtos({ files: [join(root, 'callgate/handle.proto')], includeDirs: [root] }).files;
  const shape = (file: typeof declared) =>
    file?.messages.map(({ typeName, reflected }) => [typeName, reflected.toJSON()]);
  expect(shape(bundled)).toEqual(shape(declared));
  expect(shape(bundled)).toHaveLength(1);
});

it('knows the options that options.proto declares, and no others', () => {
  const options = readFileSync(join(rootDir, 'packages/codegen/proto/callgate/options.proto'), 'utf8');
  const declared = [...options.matchAll(/^ {2}\w+ (\w+) = \d+;$/gm)].map((match) => match[1]);
  const source = (option: string) => `syntax = "proto3";
    import "callgate/options.proto";
    message A {}
    service S { rpc M(A) returns (A) { option (callgate.${option}) = "never"; } }`;
  expect(() => generateFiles({ sources: { 'a.proto': source('nothing') } })).toThrow(
    `there are ${declared.slice(0, -1).join(', ')} and ${declared.at(-1)}`,
  );
});

it('gives the same whatever the order of the files', () => {
  const files = [...fixtureFiles].reverse();
  expect(contents(generateFiles({ ...fixtureInput, files }))).toEqual(contents(generateFiles(fixtureInput)));
});

it('gives for a file alone what it gives for it among others', () => {
  const all = contents(generateFiles(fixtureInput));
  for (const file of fixtureFiles)
    expect(all).toMatchObject(contents(generateFiles({ ...fixtureInput, files: [file] })));
});

it('looks as the formatter leaves it', () => {
  for (const { path, content } of generateFiles(fixtureInput)) {
    const args = ['format', `--stdin-file-path=${path}`];
    const { stdout } = spawnSync(join(rootDir, 'node_modules/.bin/biome'), args, {
      input: content,
      cwd: rootDir,
      encoding: 'utf8',
    });
    expect(stdout === content, path).toBe(true);
  }
});

describe('what is generated', () => {
  const of = (text: string, others = {}) => contents(generateFiles({ sources: { 'a.proto': text, ...others } }));

  it('includes imported files whose types are used, and no others', () => {
    const b = 'syntax = "proto3"; package b; import "c.proto"; message B { c.C c = 1; }';
    const c = 'syntax = "proto3"; package c; message C {}';
    const unused = 'syntax = "proto3"; message Unused {}';
    const text =
      'syntax = "proto3"; import "b.proto"; import "unused.proto"; import "google/protobuf/empty.proto"; message A { b.B b = 1; }';
    const input = { 'b.proto': b, 'c.proto': c, 'unused.proto': unused };
    const dir = mkdtempSync(join(tmpdir(), 'callgate-gen-'));
    try {
      for (const [name, source] of Object.entries({ 'a.proto': text, ...input }))
        writeFileSync(join(dir, name), source);
      const generated = generateFiles({ files: [join(dir, 'a.proto')] });
      expect(generated.map(({ path }) => path)).toEqual(['a.ts', 'b.ts', 'c.ts']);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('imports types of the same name from elsewhere under another', () => {
    const other = 'syntax = "proto3"; package b; message Point {}';
    const text = 'syntax = "proto3"; package a; import "b/b.proto"; message Point { b.Point other = 1; }';
    const { 'a.ts': content } = of(text, { 'b/b.proto': other });
    expect(content).toContain("import { Point as Point$1 } from './b/b.js';");
    expect(content).toContain('other?: Point$1 | undefined;');
  });

  it('takes its helpers from the runtime that it is given', () => {
    const sources = { 'a.proto': 'syntax = "proto3"; message A {}' };
    expect(generateFiles({ sources })[0]?.content).toContain("} from 'callgate/codec';");
    expect(generateFiles({ sources, runtime: './rt.js' })[0]?.content).toContain("} from './rt.js';");
  });

  it('is a module even when a file declares nothing', () => {
    expect(of('syntax = "proto3";')['a.ts']).toContain('export {};');
  });

  it('keeps what a comment says inside the comment', () => {
    const { 'a.ts': content } = of('syntax = "proto3";\n// Ends */ alert(1) /* here.\nmessage A {}');
    expect(content).toContain('/** Ends *\\/ alert(1) /* here. */');
  });

  it('refuses two declarations that would have one name', () => {
    expect(() => of('syntax = "proto3";\npackage a;\nmessage A { message B {} }\nmessage A_B {}')).toThrow(
      'a.proto:4: "a.A_B" and "a.A.B" both become "A_B" in TypeScript',
    );
  });
});

it('writes files into directories that it makes, and leaves alone what would not change', () => {
  const out = mkdtempSync(join(tmpdir(), 'callgate-gen-'));
  try {
    const options = { ...fixtureInput, out: join(out, 'new') };
    const files = generate(options);
    const target = join(out, 'new', 'google/protobuf/empty.ts');
    expect(committed(join(out, 'new'))).toEqual(contents(files));
    utimesSync(target, 1, 1);
    writeFileSync(join(out, 'new', 'everything.ts'), 'changed');
    generate(options);
    expect(statSync(target).mtimeMs).toBe(1000);
    expect(committed(join(out, 'new'))).toEqual(contents(files));
  } finally {
    rmSync(out, { recursive: true });
  }
});
