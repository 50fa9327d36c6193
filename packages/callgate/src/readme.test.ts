import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCallgate } from './index.js';
import { type InstalledFolder, installedFolder } from './testing/installed.js';
import { type Finished, runNode } from './testing/run.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The code of the README in one language, in order. */
function code(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!);
}

/** The first JavaScript under a heading. */
function codeUnder(heading: string): string {
  const from = readme.search(new RegExp(`^##+ ${heading}$`, 'm'));
  return /^```js\n(.*?)^```/ms.exec(readme.slice(from))![1]!;
}

let folder: InstalledFolder;
beforeEach(() => {
  folder = installedFolder();
});
afterEach(() => folder[Symbol.dispose]());

async function run(program: string): Promise<Finished> {
  const path = join(folder.path, 'program.mjs');
  writeFileSync(path, program);
  return await runNode(pathToFileURL(path), [], { cwd: folder.path });
}

describe('What the README says', () => {
  test('of serving and calling works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    expect(await run(code('js')[0]!)).toEqual({ code: 0, signal: null, stdout: '{ km: 878 }\n', stderr: '' });
  });

  test('of draining works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const stdout = '{ km: 878 }\n{ km: 879 }\n';
    expect(await run(codeUnder('Draining'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of pools works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');
    const [service, server] = code('js').filter((text) => /^\/\/ (geo-service|server)\.js$/m.test(text));
    writeFileSync(join(folder.path, 'geo-service.js'), service!);
    const stdout = '4 calls side by side\n';
    expect(await run(server!)).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of streams works as it stands.', async () => {
    const stdout = 'stopped: CANCELLED\n3\n6\n8\n3\n';
    expect(await run(codeUnder('Streams'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of open files with calls works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    expect(await run(codeUnder('Open files with calls'))).toEqual({
      code: 0,
      signal: null,
      stdout: '{ km: 878 } 1\n',
      stderr: '',
    });
  });

  test('of open files as fields works as it stands.', async () => {
    const stdout = 'copy of map Here be dragons\n';
    expect(await run(codeUnder('Open files as fields'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of large data without a copy works as it stands.', async () => {
    expect(await run(codeUnder('Large data without a copy'))).toEqual({
      code: 0,
      signal: null,
      stdout: '2000000\n',
      stderr: '',
    });
  });

  test('of metadata works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const stdout = 'of 1878\n7\n878 PERMISSION_DENIED 7\n';
    expect(await run(codeUnder('Metadata'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of errors works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const stdout = 'true Berlin\nNO_MAP 250 the map is being printed anywhere\n';
    expect(await run(codeUnder('Errors'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of callbacks works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    expect(await run(codeUnder('Callbacks'))).toEqual({ code: 0, signal: null, stdout: '{ km: 7 }\n', stderr: '' });
  });

  test('of calls within calls works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const stdout = 'true true\n';
    expect(await run(codeUnder('Calls within calls'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of deaths and last words works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const stdout = 'EPITAPH\npeer true the server closed: moved to another machine true\n';
    expect(await run(codeUnder('Deaths and last words'))).toEqual({ code: 0, signal: null, stdout, stderr: '' });
  });

  test('of several servers, retries and reconnecting works as it stands.', async () => {
    writeFileSync(join(folder.path, 'geo.proto'), code('proto')[0]!);
    const addresses = "[ [ 'unix:geo-1', 0 ], [ 'unix:geo-2', 1 ] ]";
    const { code: exit, stdout } = await run(codeUnder('Several servers, retries, reconnecting'));
    expect([exit, stdout.replace(/transient-failure\n(connecting\n)?/g, '')]).toEqual([
      0,
      `connecting\nready\n{ km: 878 }\n${addresses}\nclosed\n`,
    ]);
  });

  test('of composing works as it stands.', async () => {
    expect(await run(codeUnder('Compose'))).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  test('of the configuration and of the environment over it is right.', () => {
    const config = join(folder.path, 'callgate.yaml');
    writeFileSync(config, code('yaml')[0]!);
    const lines = code('sh')[0]!.trim().split('\n');
    const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s) as [string, string]));
    expect(Object.keys(env)).toHaveLength(5);
    expect(() => createCallgate({ config, env: {} })).not.toThrow();
    expect(() => createCallgate({ config, env })).not.toThrow();
  });
});
