import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCallgate, createClient, RpcError } from './index.js';
import { type InstalledFolder, installedFolder } from './testing/installed.js';
import { runNode } from './testing/run.js';

const Nothing = { typeName: 'test.Nothing', methods: {} };

function thrownBy(action: () => unknown): RpcError {
  try {
    action();
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('A URL', () => {
  test('with a scheme that nobody knows is refused with those that are at hand, and the one that was meant.', () => {
    const error = thrownBy(() => createClient(Nothing, 'smh:geo'));
    expect(error.message).toBe('unknown scheme "smh:"; did you mean "shm:"? Known schemes: inproc:, shm:, tcp:, unix:');
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'UNKNOWN_SCHEME']);
  });

  test('whose package is missing is refused with what installs it.', () => {
    const error = thrownBy(() => createClient(Nothing, 'fifo:/tmp/geo'));
    expect(error.message).toBe(
      'the scheme "fifo:" needs the package @callgate/transport-pipe, which is not installed; ' +
        'install it with: npm install @callgate/transport-pipe',
    );
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'PACKAGE_MISSING']);
  });

  test.each(['shm:geo', 'unix:geo', 'tcp:7000', 'inproc:geo'])('can be %s.', (url) => {
    expect(createClient(Nothing, url).$channel.peer).toBeUndefined();
  });
});

describe('A composition of its own', () => {
  test('has its own configuration, whatever the environment says, if it is to see none.', () => {
    const config = { services: { 'test.Nothing': { url: 'shm:geo' } } };
    const gate = createCallgate({ config, env: {} });
    expect(gate.createClient(Nothing).$channel.peer).toBeUndefined();
    expect(thrownBy(() => createCallgate({ config: {}, env: {} }).createClient(Nothing)).reason).toBe('BAD_CONFIG');
  });

  test('takes a scheme from a plug-in, if one brings it.', () => {
    const load = () => {
      throw new RpcError('INTERNAL', 'the plug-in was asked');
    };
    const gate = createCallgate({ config: {}, env: {}, plugins: [{ transports: [{ scheme: 'shm', load }] }] });
    expect(() => gate.createClient(Nothing, 'shm:geo')).toThrow('the plug-in was asked');
  });

  test('is refused with every problem of its configuration.', () => {
    const config = { services: { 'geo.Geo': { url: 'smh:geo', tiemout: 5 } } };
    expect(thrownBy(() => createCallgate({ config, env: { CALLGATE_DEFUALTS__URL: 'x' } })).message).toBe(
      `the configuration has 2 problems:
  services.geo.Geo.tiemout: unknown key; did you mean "timeout"?
  CALLGATE_DEFUALTS__URL: unknown variable; did you mean CALLGATE_DEFAULTS?`,
    );
  });
});

describe('A CommonJS program', () => {
  let folder: InstalledFolder;
  beforeEach(() => {
    folder = installedFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  test('can require the package, without a warning.', async () => {
    const program = join(folder.path, 'program.cjs');
    writeFileSync(
      program,
      `const { createClient, RpcError } = require('callgate');
       const { loadService } = require('callgate/load');
       try {
         createClient({ typeName: 'test.Nothing', methods: {} }, 'pipe:somewhere');
       } catch (error) {
         console.log(error instanceof RpcError, error.reason, typeof loadService);
       }`,
    );
    expect(await runNode(pathToFileURL(program))).toEqual({
      code: 0,
      signal: null,
      stdout: 'true PACKAGE_MISSING function\n',
      stderr: '',
    });
  });
});
