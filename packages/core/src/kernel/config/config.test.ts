import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RpcError } from '../../errors/index.js';
import { createKernel, type Kernel } from '../kernel.js';
import { plainTransport, plainTransports } from '../testing/plain-transport.js';
import { thrownBy } from '../testing/thrown.js';
import type { ConfigInput } from './settings.js';
import { findConfig } from './source.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function kernelOf(config: string | ConfigInput, env: NodeJS.ProcessEnv = {}): Kernel {
  return createKernel({ config, env, plugins: [{ transports: plainTransports }] });
}

/** The problems of a configuration that is refused, one per line, without the heading. */
function problemsOf(config: string | ConfigInput, env: NodeJS.ProcessEnv = {}): string[] {
  const error = thrownBy(() => kernelOf(config, env));
  expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_CONFIG']);
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

const good = `# Who is where.
services:
  geo.Geo:
    url: mem:geo
    timeout: { send: immediate, reply: 2m }
    transport:
      strategy: spin
      allow: { uid: [0, 1000] }
`;

describe('The same settings', () => {
  const target = {
    address: { url: 'mem:geo', scheme: 'mem', path: 'geo' },
    timeout: { send: 'immediate', reply: 120_000 },
    transportOptions: { strategy: 'spin', allow: { uid: [0, 1000] } },
  };
  const json = `{
\t"services": { "geo.Geo": {
\t\t"url": "mem:geo", "timeout": { "send": "immediate", "reply": 120000 },
\t\t"transport": { "strategy": "spin", "allow": { "uid": [0, 1000] } }
\t} }
}`;

  test.each([
    ['callgate.yaml', good],
    ['other.yml', good],
    ['callgate.json', json],
  ])('are read from %s.', (name, text) => {
    expect(kernelOf(write(name, text)).resolve('geo.Geo')).toMatchObject(target);
  });

  test('are read from an object.', () => {
    expect(kernelOf(JSON.parse(json) as ConfigInput).resolve('geo.Geo')).toMatchObject(target);
  });
});

test('An empty file is a configuration without settings.', () => {
  expect(kernelOf(write('callgate.yaml', '# nothing yet\n')).config.services).toEqual([]);
  expect(kernelOf(write('callgate.yml', 'services:\ndefaults:\n')).config.services).toEqual([]);
});

describe('A timeout', () => {
  test.each([
    ['never', 'never'],
    ['immediate', 'immediate'],
    ['250ms', 250],
    ['5s', 5000],
    ['2m', 120_000],
    ['0', 0],
    ['1500', 1500],
    ['"1500"', 1500],
    ['3000000000', 3_000_000_000],
    ['.inf', Number.POSITIVE_INFINITY],
    ['{ reply: 5s }', { reply: 5000 }],
  ])('can be %s.', (text, timeout) => {
    const path = write('callgate.yaml', `defaults: { url: mem:a, timeout: ${text} }`);
    expect(kernelOf(path).resolve('geo.Geo').timeout).toEqual(timeout);
  });

  test.each([
    ['5 parsecs', '"5 parsecs"'],
    ['-1', '-1'],
    ['.nan', 'NaN'],
    ['true', 'true'],
    ['', 'nothing'],
    ['[5s]', 'a list'],
  ])('cannot be %s.', (text, found) => {
    expect(problemsOf(write('callgate.yaml', `defaults:\n  timeout: ${text}\n`))).toEqual([
      'defaults.timeout (line 2): expected never, immediate, a duration such as 250ms, 5s or 2m, or a number ' +
        `of milliseconds, or a map of send and reply; found ${found}`,
    ]);
  });
});

describe('A file with problems', () => {
  test('is refused with all of them, each with path, line, what was found and what was expected.', () => {
    const path = write(
      'callgate.yaml',
      `services:
  geo.Geo:
    url: mme:geo
    timeout: 5s
  geo.Maps:
    url: mem:maps
    transport:
      strategy: doze
      sped: 1
`,
    );
    expect(thrownBy(() => kernelOf(path)).message).toBe(`${path} has 3 problems:
  services.geo.Geo.url (line 3): unknown scheme "mme:"; did you mean "mem:"? Known schemes: mem:, wire:
  services.geo.Maps.transport.strategy (line 8): expected one of spin, park, found "doze"
  services.geo.Maps.transport.sped (line 9): unknown option; known are allow, direction, maxMessageBytes, strategy`);
  });

  test('is refused with every wrong shape at once.', () => {
    const path = write(
      'callgate.yaml',
      `service: {}
services:
  geo.Geo:
    tiemout: 5s
    colour: blue
    url: 17
    urgent: soon
  geo.Maps: [1]
  "geo Maps": {}
defaults:
  timeout: { sned: 1s, reply: soon }
  transport: fast
  codec: 5
`,
    );
    expect(problemsOf(path)).toEqual([
      'service (line 1): unknown key; did you mean "services"?',
      'services.geo.Geo.tiemout (line 4): unknown key; did you mean "timeout"?',
      'services.geo.Geo.colour (line 5): unknown key; known are url, direction, timeout, urgent, waitForReady, trusted, balance, retry, transport, codec, interceptors',
      'services.geo.Geo.url (line 6): expected a URL, <scheme>:<address>; found 17',
      'services.geo.Geo.urgent (line 7): expected true or false; found "soon"',
      'services.geo.Maps (line 8): expected a map; found a list',
      "services.geo Maps (line 9): not a service's full name; expected one such as geo.Geo",
      expect.stringMatching(/^defaults\.timeout\.reply \(line 11\): expected never, .*; found "soon"$/),
      'defaults.timeout.sned (line 11): unknown key; did you mean "send"?',
      'defaults.transport (line 12): expected a map; found "fast"',
      'defaults.codec (line 13): expected text; found 5',
    ]);
  });

  test('is refused for what is misshapen and for what only its transport finds, at once.', () => {
    const config =
      'services:\n  a.A: { url: mme:a }\n  b.B: { tiemout: 5s }\n  c.C: { url: mem:c, transport: { sped: 1 } }\n';
    expect(problemsOf(write('callgate.yaml', config), { CALLGATE_COLOUR: 'blue' })).toEqual([
      'services.a.A.url (line 2): unknown scheme "mme:"; did you mean "mem:"? Known schemes: mem:, wire:',
      'services.b.B.tiemout (line 3): unknown key; did you mean "timeout"?',
      'services.c.C.transport.sped (line 4): unknown option; known are allow, direction, maxMessageBytes, strategy',
      'CALLGATE_COLOUR: unknown variable; known are CALLGATE_CONFIG, CALLGATE_SERVICES__<service>__<setting>, ' +
        'CALLGATE_DEFAULTS__<setting>',
    ]);
  });

  test('is refused for a URL that YAML took for a map, with what to write.', () => {
    expect(problemsOf(write('callgate.yaml', 'services:\n  geo.Geo:\n    url: {mem: geo}\n'))).toEqual([
      'services.geo.Geo.url (line 3): expected a URL, <scheme>:<address>; found a map; write mem:geo, without a space',
    ]);
  });

  test('is refused for a URL that is none.', () => {
    expect(problemsOf(write('callgate.yaml', 'defaults:\n  url: geo\n'))).toEqual([
      'defaults.url (line 2): bad address "geo": expected <scheme>:<address>, such as unix:/run/geo.sock or shm:geo',
    ]);
  });

  test('is refused for keys that would reach a prototype, wherever they are.', () => {
    const path = write(
      'callgate.yaml',
      'services:\n  __proto__: { url: mem:a }\n  constructor: {}\ndefaults:\n  transport: { allow: { prototype: 1 } }\n',
    );
    expect(problemsOf(path)).toEqual([
      'services.__proto__ (line 2): this key is not permitted',
      'services.constructor (line 3): this key is not permitted',
      'defaults.transport.allow.prototype (line 5): this key is not permitted',
    ]);
    expect(({} as { url?: string }).url).toBeUndefined();
  });

  test('is refused for a default that is wrong once, however many services have it.', () => {
    const path = write('callgate.yaml', 'defaults:\n  url: mme:a\nservices:\n  a.A:\n  b.B:\n');
    expect(problemsOf(path)).toEqual([
      'defaults.url (line 2): unknown scheme "mme:"; did you mean "mem:"? Known schemes: mem:, wire:',
    ]);
  });

  test('is refused for a codec that nobody registered.', () => {
    expect(problemsOf({ defaults: { codec: 'json' } })).toEqual([
      'defaults.codec: unknown codec "json"; registered: none',
    ]);
  });

  test.each([
    ['a: [1', 'line 1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['defaults: {}\ndefaults: {}\n', 'line 2: Map keys must be unique'],
    ['? [a, b]\n: 1\n', 'line 1: With stringKeys, all keys must be strings'],
    ['defaults: !!js/function 1\n', 'line 1: Unresolved tag: tag:yaml.org,2002:js/function'],
    ['a: 1\n---\nb: 2\n', 'line 2: Source contains multiple documents; please use YAML.parseAllDocuments()'],
  ])('is refused when it is not YAML (%j).', (text, problem) => {
    expect(problemsOf(write('callgate.yaml', text))).toEqual([problem]);
  });

  test('is refused when an alias in it unfolds without measure.', () => {
    const rows = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++) rows.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`);
    expect(problemsOf(write('callgate.yaml', rows.join('\n')))).toEqual([
      'Excessive alias count indicates a resource exhaustion attack',
    ]);
  });

  test('is refused when it is YAML under the name of JSON.', () => {
    expect(problemsOf(write('callgate.json', 'services: {}\n'))[0]).toMatch(/^is not JSON: Unexpected token/);
  });

  test('is refused when it is missing, unreadable or no configuration by its name.', () => {
    expect(problemsOf(join(folder, 'callgate.yaml'))).toEqual(['there is no such file']);
    mkdirSync(join(folder, 'folder.yaml'));
    expect(problemsOf(join(folder, 'folder.yaml'))[0]).toMatch(/^cannot be read: EISDIR/);
    expect(problemsOf(write('callgate.toml', ''))).toEqual(['expected a file named .yaml, .yml or .json']);
  });
});

describe('An object with problems', () => {
  test('is refused in the same words, without lines.', () => {
    const config = { services: { 'geo.Geo': { uri: 'mem:geo' } } } as ConfigInput;
    expect(thrownBy(() => kernelOf(config)).message).toBe(
      'the configuration has 1 problem:\n  services.geo.Geo.uri: unknown key; did you mean "url"?',
    );
  });

  test('is refused when it is not a map at all.', () => {
    expect(problemsOf([] as unknown as ConfigInput)).toEqual(['expected a map; found a list']);
  });

  test('is refused when it is a cycle, without going round for ever.', () => {
    const transport: Record<string, unknown> = { strategy: 'spin' };
    transport.self = transport;
    expect(problemsOf({ defaults: { url: 'mem:a', transport } })[0]).toMatch(
      /^defaults\.transport\.self: unknown option/,
    );
  });
});

describe('A transport that cannot be loaded', () => {
  const missing = new RpcError('FAILED_PRECONDITION', 'install it', { reason: 'PACKAGE_MISSING' });
  const far = {
    scheme: 'far',
    load: () => {
      throw missing;
    },
  };
  const kernelWith = (config: ConfigInput) =>
    createKernel({ config, plugins: [{ transports: [plainTransport('mem'), far] }] });

  test('is no problem of a program that uses another one.', () => {
    const kernel = kernelWith({ services: { 'a.A': { url: 'mem:a' }, 'b.B': { url: 'far:b' } } });
    expect(kernel.resolve('a.A').address.url).toBe('mem:a');
    expect(kernel.config.unchecked).toEqual(['services.b.B.url: install it']);
    expect(thrownBy(() => kernel.resolve('b.B'))).toBe(missing);
  });
});

describe('The file that applies when none is named', () => {
  test.each(['callgate.yaml', 'callgate.yml', 'callgate.json'])('is %s of the folder.', (name) => {
    const path = write(name, '{}');
    expect(findConfig({}, folder)).toBe(path);
  });

  test('is none where none is.', () => {
    expect(findConfig({}, folder)).toBeUndefined();
  });

  test('is the one that CALLGATE_CONFIG names, if it is set.', () => {
    write('callgate.yaml', '{}');
    expect(findConfig({ CALLGATE_CONFIG: '/etc/geo.yaml' }, folder)).toBe('/etc/geo.yaml');
  });

  test('is never one of two.', () => {
    write('callgate.yaml', '{}');
    write('callgate.json', '{}');
    expect(thrownBy(() => findConfig({}, folder)).message).toBe(
      `${folder} has 1 problem:\n  found callgate.yaml and callgate.json; keep one of them, or name one in CALLGATE_CONFIG`,
    );
  });
});
