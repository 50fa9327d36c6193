import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadAddon, tryLoadAddon } from './load.js';
import { startChild } from './testing/child.js';
import { scratchFolder } from './testing/sockets.js';

const dist = dirname(fileURLToPath(import.meta.url));

/** What a copy of this package in the given folder says when its addon is asked for. */
async function said(folder: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const program = `
    import { tryLoadAddon } from ${JSON.stringify(join(folder, 'dist', 'load.js'))};
    const { addon, error } = tryLoadAddon();
    console.log(JSON.stringify(addon === undefined ? error.message : 'loaded ' + addon.availableCpus()));`;
  const child = startChild(program, [], { command: process.execPath, nodeArgs: ['--input-type=module', '-e'], env });
  const line = JSON.parse(await child.line()) as string;
  await child.ended;
  return line;
}

function copyWithoutAddon(folder: string): void {
  mkdirSync(join(folder, 'dist'));
  cpSync(join(dist, 'load.js'), join(folder, 'dist', 'load.js'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
}

test('one thread gets one addon', () => {
  expect(tryLoadAddon().addon).toBe(loadAddon());
});

test('an addon that was not built says where it looked and what to do', async () => {
  using folder = scratchFolder();
  copyWithoutAddon(folder.path);
  const file = join('linux-'.concat(process.arch), 'callgate.node');
  expect(await said(folder.path)).toBe(
    [
      'The native addon of @callgate/native could not be loaded: looked for:',
      `  ${join(folder.path, 'prebuilds', file)}: no such file`,
      `  ${join(folder.path, 'build', 'Release', 'callgate.node')}: no such file`,
      `Build it with a C++ compiler, make and python3: node ${join(folder.path, 'scripts', 'build.mjs')}`,
    ].join('\n'),
  );
});

test('an addon that does not load says what the loader found', async () => {
  using folder = scratchFolder();
  copyWithoutAddon(folder.path);
  mkdirSync(folder.file('build/Release'), { recursive: true });
  writeFileSync(folder.file('build/Release/callgate.node'), 'garbage');
  expect(await said(folder.path)).toMatch(/callgate\.node: .*(file too short|invalid ELF header)/);
});

test('a prebuilt addon is taken', async () => {
  using folder = scratchFolder();
  copyWithoutAddon(folder.path);
  mkdirSync(folder.file('prebuilds'));
  symlinkSync(join(dist, '..', 'build', 'Release'), folder.file(`prebuilds/linux-${process.arch}`));
  expect(await said(folder.path)).toMatch(/^loaded \d+$/);
});

test('the environment can switch the addon off', async () => {
  expect(await said(dirname(dist), { CALLGATE_NATIVE: 'off' })).toBe(
    'The native addon of @callgate/native could not be loaded: it is switched off by the environment variable CALLGATE_NATIVE=off. Unset it to use the addon.',
  );
});

test('a value of CALLGATE_NATIVE that means nothing is told instead of ignored', async () => {
  expect(await said(dirname(dist), { CALLGATE_NATIVE: 'of' })).toBe(
    'The native addon of @callgate/native could not be loaded: the environment variable CALLGATE_NATIVE is "of": expected on or off.',
  );
  expect(await said(dirname(dist), { CALLGATE_NATIVE: 'on' })).toMatch(/^loaded \d+$/);
});
