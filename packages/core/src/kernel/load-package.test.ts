import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packagedTransport } from './load-package.js';
import { thrownBy } from './testing/thrown.js';
import type { LazyTransport } from './tokens.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'callgate-package-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A transport whose package is looked for in a fresh folder; `source` is the package's only module. */
function install(source?: string): LazyTransport {
  if (source !== undefined) {
    const folder = join(root, 'node_modules', '@acme', 'transport-mem');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type":"module","exports":{".":{"default":"./index.js"}}}');
    writeFileSync(join(folder, 'index.js'), source);
  }
  return packagedTransport({
    scheme: 'mem',
    package: '@acme/transport-mem',
    export: 'memTransport',
    require: createRequire(join(root, 'index.js')),
  });
}

test('The transport of an installed ES module package is loaded without a promise.', () => {
  const transport = install("export const memTransport = { scheme: 'mem' };");
  expect(transport.installed?.()).toBe(true);
  expect(transport.load().scheme).toBe('mem');
});

test('The module is the one that an import gives.', async () => {
  const transport = install("export const memTransport = { scheme: 'mem' };");
  const url = new URL(`file://${root}/node_modules/@acme/transport-mem/index.js`).href;
  expect(transport.load()).toBe(((await import(url)) as { memTransport: unknown }).memTransport);
});

describe('A package that cannot be used', () => {
  test('is told by name, with what installs it, when it is missing.', () => {
    expect(install().installed?.()).toBe(false);
    const error = thrownBy(() => install().load());
    expect(error.message).toBe(
      'the scheme "mem:" needs the package @acme/transport-mem, which is not installed; ' +
        'install it with: npm install @acme/transport-mem',
    );
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'PACKAGE_MISSING']);
  });

  test('is not called missing when something that it needs is.', () => {
    const error = thrownBy(() => install("import '@acme/nothing';").load());
    expect(error.message).toMatch(
      /^the package @acme\/transport-mem for the scheme "mem:" could not be loaded: .*@acme\/nothing/,
    );
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'BAD_PLUGIN']);
  });

  test('is told by name when it exports something else.', () => {
    expect(thrownBy(() => install("export const memTransport = { scheme: 'wire' };").load()).message).toBe(
      'the package @acme/transport-mem for the scheme "mem:" could not be loaded: it has no export "memTransport" for ' +
        'that scheme; are the versions of the packages the same?',
    );
  });

  test('is told with its own words when it throws while it is loaded.', () => {
    const error = thrownBy(() => install("throw new Error('needs a newer kernel');").load());
    expect(error.message).toContain('could not be loaded: needs a newer kernel');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
