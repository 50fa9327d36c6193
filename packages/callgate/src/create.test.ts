import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCallgate, createClient, RpcError } from './index.js';
import { type InstalledFolder, installedFolder, installedWithout } from './testing/installed.js';
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
    expect(error.message).toMatch(/^unknown scheme "smh:"; did you mean "shm:"\? Known schemes: .*inproc:, .*unix:$/);
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'UNKNOWN_SCHEME']);
  });

  test.each(['shm:geo', 'unix:geo', 'tcp:7000', 'udp:7000', 'inproc:geo'])('can be %s.', (url) => {
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
    const { message } = thrownBy(() => createCallgate({ config, env: { CALLGATE_DEFUALTS__URL: 'x' } }));
    expect(message.replace(/ Known schemes: .*$/, '')).toBe(
      `the configuration has 3 problems:
  services.geo.Geo.tiemout: unknown key; did you mean "timeout"?
  CALLGATE_DEFUALTS__URL: unknown variable; did you mean CALLGATE_DEFAULTS?
  services.geo.Geo.url: unknown scheme "smh:"; did you mean "shm:"?`,
    );
  });
});

describe('A transport whose package is missing', () => {
  test('is refused with what installs it.', async () => {
    using folder = installedWithout('transport-pipe');
    const program = join(folder.path, 'program.mjs');
    writeFileSync(
      program,
      `import { createClient } from 'callgate';
       try {
         createClient({ typeName: 'test.Nothing', methods: {} }, 'fifo:/tmp/geo');
       } catch ({ code, reason, message }) {
         console.log(code, reason, message);
       }`,
    );
    expect(await runNode(pathToFileURL(program))).toEqual({
      code: 0,
      signal: null,
      stdout:
        'FAILED_PRECONDITION PACKAGE_MISSING the scheme "fifo:" needs the package @callgate/transport-pipe, ' +
        'which is not installed; install it with: npm install @callgate/transport-pipe\n',
      stderr: '',
    });
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
         createClient({ typeName: 'test.Nothing', methods: {} }, 'unix:');
       } catch (error) {
         console.log(error instanceof RpcError, error.reason, typeof loadService);
       }`,
    );
    expect(await runNode(pathToFileURL(program))).toEqual({
      code: 0,
      signal: null,
      stdout: 'true BAD_ADDRESS function\n',
      stderr: '',
    });
  });
});
