import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importsOf } from './check-boundaries.imports.mjs';
import { checkBoundaries } from './check-boundaries.mjs';

const scripts = dirname(fileURLToPath(import.meta.url));

let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'callgate-boundaries-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The violations of a checkout in which only this one file is. */
function violationsOf(file, source, exceptions = []) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), source);
  return checkBoundaries(root, exceptions).violations;
}

test('This checkout has no forbidden import.', () => {
  expect(checkBoundaries(dirname(scripts)).violations).toEqual([]);
});

describe('A violation', () => {
  test('names file, line, import and rule.', () => {
    const source = "import { RpcError } from '../errors/index.js';\n\nimport { Socket } from 'node:net';\n";
    expect(violationsOf('packages/core/src/client/call.ts', source)).toEqual([
      'packages/core/src/client/call.ts:3: import of "node:net": core/client must not use node:net ' +
        '(a client knows calls: no transport, no input or output, no native code)',
    ]);
  });

  test('ends the program with exit code 1 and stands on standard error.', () => {
    violationsOf('bench/src/a.ts', "import '../../packages/core/src/index.js';\n");
    const run = spawnSync(process.execPath, [join(scripts, 'check-boundaries.mjs'), root], { encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(
      'bench/src/a.ts:1: import of "../../packages/core/src/index.js": it leaves bench; other packages are imported by ' +
        'their name (measurements use what users can install)\n',
    );
    expect(run.stdout).toContain('import boundaries: 1 imports of 1 files');
  });

  test.each([
    ['core/client', 'packages/core/src/client/a.ts', '../transport/contract.js'],
    ['core/client', 'packages/core/src/client/a.ts', '../server/index.js'],
    ['core/client', 'packages/core/src/client/a.ts', '../kernel/index.js'],
    ['core/client', 'packages/core/src/client/a.ts', '@callgate/native'],
    ['core/server', 'packages/core/src/server/a.ts', '../client/index.js'],
    ['core/server', 'packages/core/src/server/a.ts', 'fs'],
    ['core/channel', 'packages/core/src/channel/a.ts', '../transport/inproc/index.js'],
    ['core/channel', 'packages/core/src/channel/a.ts', '@callgate/transport-shm'],
    ['core/channel', 'packages/core/src/channel/a.ts', '../client/index.js'],
    ['core/transport', 'packages/core/src/transport/ring/a.ts', '../../channel/index.js'],
    ['core/transport', 'packages/core/src/transport/ring/a.ts', '../../codec/index.js'],
    ['core/transport', 'packages/core/src/transport/ring/a.ts', 'rxjs'],
    ['core/transport', 'packages/core/src/transport/ring/a.ts', 'protobufjs/light.js'],
    ['core/codec', 'packages/core/src/codec/a.ts', '../transport/index.js'],
    ['core/kernel', 'packages/core/src/kernel/a.ts', '../transport/inproc/index.js'],
    ['core/kernel', 'packages/core/src/kernel/a.ts', '@callgate/transport-socket'],
    ['core/errors', 'packages/core/src/errors/a.ts', '../codec/index.js'],
    ['core/conformance', 'packages/core/src/conformance/a.ts', 'vitest'],
    ['native', 'packages/native/src/a.ts', '@callgate/core/errors'],
    ['transport-shm', 'packages/transport-shm/src/a.ts', '@callgate/transport-socket'],
    ['transport-shm', 'packages/transport-shm/src/a.ts', '@callgate/core'],
    ['transport-shm', 'packages/transport-shm/src/a.ts', '@callgate/core/codec'],
    ['transport-shm', 'packages/transport-shm/src/a.ts', 'tsyringe'],
    ['transport-socket', 'packages/transport-socket/src/a.ts', '../../core/src/transport/index.js'],
    ['codegen', 'packages/codegen/src/a.ts', '@callgate/core/kernel'],
    ['callgate', 'packages/callgate/src/a.ts', 'tsyringe'],
    ['callgate', 'packages/callgate/src/a.ts', '@callgate/native'],
    ['examples', 'examples/src/a.ts', '@callgate/core'],
    ['examples', 'examples/src/a.ts', 'protobufjs'],
    ['bench', 'bench/src/a.ts', '@callgate/transport-shm'],
    ['tests', 'packages/transport-shm/src/a.test.ts', '../../core/src/transport/index.js'],
    ['tests', 'packages/transport-shm/src/a.test.ts', 'tsyringe'],
  ])('is found in %s (%s imports %s).', (_room, file, specifier) => {
    expect(violationsOf(file, `import '${specifier}';\n`)).toHaveLength(1);
  });

  test('is found where more than types is taken from a room of which types may be named.', () => {
    const file = 'packages/core/src/server/a.ts';
    expect(violationsOf(file, "import type { Peer } from '../transport/contract.js';\n")).toEqual([]);
    expect(violationsOf(file, "import { inprocTransport } from '../transport/index.js';\n")[0]).toContain(
      'core/server must not use core/transport, save its types',
    );
  });

  test('is found where a program uses what is only for tests.', () => {
    expect(violationsOf('packages/callgate/src/a.ts', "import './testing/run.js';\n")[0]).toContain(
      'callgate must not use tests',
    );
  });

  test('is found in a folder that has no rule.', () => {
    expect(violationsOf('packages/core/src/novelty/a.ts', '')).toEqual([
      'packages/core/src/novelty/a.ts:1: no rule is for this file; give its room a row in check-boundaries.rules.mjs',
    ]);
  });

  test('is found in an import whose target is computed.', () => {
    expect(violationsOf('packages/core/src/server/a.ts', 'await import(name);\n')[0]).toContain(
      'it is computed, so nobody can see what it loads',
    );
  });

  test('is found in an entry that a package does not have.', () => {
    expect(violationsOf('bench/src/a.ts', "import '@callgate/core/src/client';\n")[0]).toContain(
      '"@callgate/core/src/client" is not an entry of @callgate/core',
    );
  });
});

describe('No violation is found', () => {
  test.each([
    ['packages/core/src/client/a.ts', '../channel/index.js'],
    ['packages/core/src/client/a.ts', './b.js'],
    ['packages/core/src/channel/a.ts', 'rxjs'],
    ['packages/core/src/channel/a.ts', '../transport/contract.js'],
    ['packages/core/src/kernel/a.ts', 'tsyringe'],
    ['packages/transport-shm/src/a.ts', '@callgate/core/transport'],
    ['packages/transport-shm/src/a.ts', 'node:net'],
    ['packages/transport-shm/src/a.test.ts', '@callgate/core/conformance'],
    ['packages/core/src/codec/a.test.ts', 'protobufjs'],
    ['packages/core/src/client/a.test.ts', '../testing/pair.js'],
    ['packages/native/src/a.test.ts', '../scripts/build.mjs'],
    ['packages/callgate/src/a.ts', '@callgate/transport-shm'],
    ['packages/callgate/bin/callgate.js', '../dist/cli/main.js'],
    ['examples/src/a.ts', 'callgate/codec'],
    ['examples/src/a.ts', '../proto/geo.proto'],
  ])('when %s imports %s.', (file, specifier) => {
    expect(violationsOf(file, `import '${specifier}';\n`)).toEqual([]);
  });

  test('when a file names the folder of its own package.', () => {
    expect(violationsOf('packages/callgate/src/a.ts', "new URL('..', import.meta.url);\n")).toEqual([]);
  });

  test('when a test computes what it imports.', () => {
    expect(violationsOf('packages/core/src/kernel/a.test.ts', 'await import(name);\n')).toEqual([]);
  });

  test('for an exception that is in use, and one is for an exception that is not.', () => {
    const entry = { file: 'packages/core/src/server/a.ts', import: 'node:fs', reason: 'for the test' };
    expect(violationsOf(entry.file, "import 'node:fs';\n", [entry])).toEqual([]);
    expect(violationsOf(entry.file, '', [entry])).toEqual([
      'packages/core/src/server/a.ts:1: the exception for "node:fs" is not needed any more; remove it',
    ]);
  });
});

describe('An import is seen', () => {
  test.each([
    ["import a from 'x';", false],
    ["import type { A } from 'x';", true],
    ["import { type A } from 'x';", true],
    ["import { type A, b } from 'x';", false],
    ["import 'x';", false],
    ["export * from 'x';", false],
    ["export type { A } from 'x';", true],
    ["await import('x');", false],
    ['await import(`x`);', false],
    ["let a: import('x').A;", true],
    ["import a = require('x');", false],
    ["require('x');", false],
    ["require.resolve('x');", false],
    ["module.require('x');", false],
    ["import.meta.resolve('x');", false],
    ["process.getBuiltinModule('x');", false],
    ["new URL('x', import.meta.url);", false],
  ])('in %s', (source, typeOnly) => {
    expect(importsOf('a.ts', `\n${source}`)).toEqual([{ specifier: 'x', line: 2, typeOnly }]);
  });

  test('neither in a comment nor in a string.', () => {
    expect(importsOf('a.ts', "// import 'x'\nconst a = \"import 'x'\"; path.resolve('x');")).toEqual([]);
  });

  test('in no file that cannot be parsed: that is an error.', () => {
    expect(() => importsOf('a.ts', 'import from;')).toThrow(/^a\.ts: /);
  });
});
