import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { scratchFolder } from './testing/sockets.js';

const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url));

function build(file: string, args: readonly string[], path: string): { status: number | null; stderr: string } {
  const env = { PATH: path };
  return spawnSync(process.execPath, [file, ...args], { env, encoding: 'utf8', timeout: 20_000 });
}

test('a build without its tools names all that are missing, and how to get them', () => {
  using folder = scratchFolder();
  const { status, stderr } = build(script, [], folder.path);
  expect(status).toBe(1);
  expect(stderr).toContain('this is missing: a C++ compiler (g++ or clang++), make, python3.');
  expect(stderr).toContain('apt-get install build-essential python3');
});

test('a build that lacks one tool names that one', () => {
  using folder = scratchFolder();
  for (const tool of ['c++', 'python3']) {
    writeFileSync(folder.file(tool), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  }
  expect(build(script, [], folder.path).stderr).toContain('this is missing: make.');
});

test('an installation has nothing to build when an addon is there that loads', () => {
  using folder = scratchFolder();
  expect(build(script, ['--install'], folder.path)).toMatchObject({ status: 0, stderr: '' });
});

test('an installation that cannot build says so and goes on', () => {
  using folder = scratchFolder();
  mkdirSync(folder.file('scripts'));
  cpSync(script, folder.file('scripts/build.mjs'));
  const { status, stderr } = build(folder.file('scripts/build.mjs'), ['--install'], folder.path);
  expect(status).toBe(0);
  expect(stderr).toContain('cannot build the native addon');
});

test('an addon whose sources do not compile is a failed build', () => {
  using folder = scratchFolder();
  mkdirSync(folder.file('scripts'));
  cpSync(script, folder.file('scripts/build.mjs'));
  symlinkSync(join(script, '..', '..', 'node_modules'), folder.file('node_modules'));
  const target = { target_name: 'callgate', sources: ['broken.cc'] };
  writeFileSync(folder.file('binding.gyp'), JSON.stringify({ targets: [target] }));
  writeFileSync(folder.file('broken.cc'), '#error this cannot be compiled\n');
  const { status, stderr } = build(folder.file('scripts/build.mjs'), [], process.env.PATH ?? '');
  expect(status).toBe(1);
  expect(stderr).toContain('this cannot be compiled');
  expect(stderr).toContain('building the native addon failed (exit 1), see above.');
});
