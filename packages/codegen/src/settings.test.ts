import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generate } from './index.js';
import { fixtureFiles, fixturesDir, rootDir } from './testing/fixtures.js';

/** Settings of other people's projects, beside those of this one under which the fixtures are compiled. */
const settings = {
  'everything strict that there is': {
    module: 'nodenext',
    target: 'es2022',
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    allowUnreachableCode: false,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    isolatedDeclarations: true,
    declaration: true,
    erasableSyntaxOnly: true,
  },
  'a bundler': { module: 'esnext', moduleResolution: 'bundler', target: 'es2020', lib: ['es2023', 'dom'] },
};

it.each(Object.entries(settings))('compiles under the settings of %s', (_, compilerOptions) => {
  const dir = mkdtempSync(join(tmpdir(), 'callgate-settings-'));
  try {
    generate({
      files: fixtureFiles,
      includeDirs: [fixturesDir],
      runtime: '@callgate/core/codec',
      out: join(dir, 'gen'),
    });
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(join(rootDir, 'packages/codegen/node_modules/@callgate'), join(dir, 'node_modules/@callgate'));
    symlinkSync(join(rootDir, 'node_modules/@types'), join(dir, 'node_modules/@types'));
    writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
    const tsconfig = {
      compilerOptions: { strict: true, types: ['node'], outDir: 'dist', rootDir: 'gen', ...compilerOptions },
    };
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ ...tsconfig, include: ['gen'] }));
    const { stdout, status } = spawnSync(join(rootDir, 'node_modules/.bin/tsc'), ['-p', dir], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
