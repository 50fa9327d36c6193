import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InterceptedCall, Interceptor } from '../../channel/interceptor.js';
import { Reason, RpcError } from '../../errors/index.js';
import { inprocTransport } from '../../transport/index.js';
import { createGate } from '../gate.js';
import { createKernel, type KernelOptions } from '../kernel.js';
import { Echo } from '../testing/echo-service.js';
import { thrownBy } from '../testing/thrown.js';
import type { InterceptorFactory } from '../tokens.js';

let folder: string;
let seen: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-interceptors-'));
  seen = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const noting =
  (name: string): Interceptor =>
  (call: InterceptedCall, next) => {
    seen.push(`${name} at the ${call.side}`);
    return next(call);
  };

/** Made by name, with a name of its own as its option. */
const note: InterceptorFactory = {
  name: 'note',
  create: ({ as = 'note', ...others }) => {
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw new RpcError('INVALID_ARGUMENT', `note: ${unknown}: unknown option`);
    return noting(String(as));
  },
};

const kernelOf = (options: KernelOptions) =>
  createKernel({
    ...options,
    plugins: [{ transports: [inprocTransport], interceptorFactories: [note] }, ...(options.plugins ?? [])],
  });

let urls = 0;
/** Calls once over inproc:, with a client and a server of one gate. */
async function call(
  config: object,
  more: Partial<KernelOptions> = {},
  own: readonly Interceptor[] = [],
): Promise<void> {
  const gate = createGate(kernelOf({ ...more, config }));
  const url = `inproc:configured-${process.pid}-${++urls}`;
  const server = gate.createServer().add(Echo, { echo: (request) => request });
  await server.listen(url);
  const client = gate.createClient(Echo, url, { interceptors: own });
  await client.echo({ text: 'x' });
  await client.$close();
  await server.close();
}

const service = Echo.typeName;

describe('Interceptors that a configuration names', () => {
  test('run at both sides, in its order, within those that are plugged in and around those of code.', async () => {
    const interceptors = [{ note: { as: 'first' } }, 'note', { note: null }];
    await call({ services: { [service]: { interceptors } } }, { plugins: [{ interceptors: [noting('plugged in')] }] }, [
      noting('own'),
    ]);
    const configured = ['plugged in', 'first', 'note', 'note'];
    expect(seen).toEqual([
      ...[...configured, 'own'].map((name) => `${name} at the client`),
      ...configured.map((name) => `${name} at the server`),
    ]);
  });

  test('of a service take the place of the defaults, and the environment that of both.', async () => {
    const config = { defaults: { interceptors: ['note'] }, services: { [service]: { interceptors: [] as string[] } } };
    await call(config);
    expect(seen).toEqual([]);
    const variable = `CALLGATE_SERVICES__${service.replaceAll('.', '_')}__INTERCEPTORS`;
    await call(config, { env: { [variable]: '[{"note":{"as":"environment"}}]' } });
    expect(seen).toEqual(['environment at the client', 'environment at the server']);
  });

  test('may be modules, found from the folder of the configuration, or packages.', async () => {
    const source =
      'export default ({ as }) => (call, next) => { globalThis.callgateSeen.push(as); return next(call); };';
    writeFileSync(join(folder, 'mine.mjs'), source);
    mkdirSync(join(folder, 'node_modules', '@acme', 'intercept'), { recursive: true });
    writeFileSync(
      join(folder, 'node_modules/@acme/intercept/package.json'),
      '{"type":"module","exports":"./index.js"}',
    );
    writeFileSync(join(folder, 'node_modules/@acme/intercept/index.js'), source);
    const path = join(folder, 'callgate.yaml');
    writeFileSync(
      path,
      `services:\n  ${service}:\n    interceptors:\n      - ./mine.mjs: { as: a path }\n      - "@acme/intercept": { as: a package }\n`,
    );
    const heard: string[] = [];
    (globalThis as { callgateSeen?: string[] }).callgateSeen = heard;
    const kernel = kernelOf({ config: path });
    for (const interceptor of kernel.interceptorsOf(service)) interceptor({} as InterceptedCall, () => undefined);
    expect(heard).toEqual(['a path', 'a package']);
  });

  test.each<[string, unknown, string]>([
    [
      'an unknown name',
      ['note', 'ntoe'],
      'unknown interceptor "ntoe"; did you mean "note"?; registered: note; a module goes by its path (./ntoe.js)',
    ],
    ['wrong options', [{ note: { at: 5 } }], 'note: at: unknown option'],
    ['no list', 'note', 'expected a list of interceptors; found "note"'],
    [
      'an entry of two names',
      [{ note: {}, more: {} }],
      'expected the name of an interceptor, or a map of its name to its options',
    ],
    [
      'options that are no map',
      [{ note: 5 }],
      'expected the name of an interceptor, or a map of its name to its options',
    ],
  ])('are refused in words when the configuration is checked: %s.', (_name, interceptors, words) => {
    const error = thrownBy(() => kernelOf({ config: { services: { [service]: { interceptors } } } as object }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: Reason.BAD_CONFIG });
    expect(error.message).toContain(words);
  });

  test.each<[string, string | undefined, string, string]>([
    ['is not there', undefined, Reason.PACKAGE_MISSING, 'the interceptor "./it.mjs" needs '],
    ['can not be loaded', 'throw new Error("oops")', 'BAD_PLUGIN', 'could not be loaded: oops'],
    ['exports no function', 'export default 5', 'BAD_PLUGIN', 'has no function as its export "default"'],
    [
      'makes no interceptor',
      'export default () => 5',
      'BAD_PLUGIN',
      'expected a function (call, next) => …, found number',
    ],
    ['throws', 'export default () => { throw new Error("no") }', 'BAD_PLUGIN', 'making it failed: no'],
  ])('are refused in words when a client is made with a module that %s.', (_name, source, reason, words) => {
    const name = './it.mjs';
    if (source !== undefined) writeFileSync(join(folder, name), source);
    const path = join(folder, 'callgate.json');
    writeFileSync(path, JSON.stringify({ services: { [service]: { interceptors: [name] } } }));
    const gate = createGate(kernelOf({ config: path }));
    const error = thrownBy(() => gate.createClient(Echo, 'inproc:nobody'));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason });
    expect(error.message).toContain(words);
  });

  test("can not have a name that is taken, or that is a module's.", () => {
    const words = (name: string) =>
      thrownBy(() => kernelOf({ plugins: [{ interceptorFactories: [{ ...note, name }] }] })).message;
    expect(words('note')).toBe('two interceptors are registered under the name "note"');
    expect(words('my/own')).toBe('"my/own" cannot be the name of an interceptor: expected a word without a slash');
  });
});
