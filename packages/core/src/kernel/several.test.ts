/** Services that several servers offer, as a configuration says it. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { inprocTransport } from '../transport/inproc/index.js';
import type { ConfigInput } from './config/settings.js';
import { createGate } from './gate.js';
import { createKernel } from './kernel.js';
import { Echo } from './testing/echo-service.js';
import { plainTransports } from './testing/plain-transport.js';
import { thrownBy } from './testing/thrown.js';

function kernelOf(config: ConfigInput, env: NodeJS.ProcessEnv = {}) {
  return createKernel({ config, env, plugins: [{ transports: plainTransports }] });
}

const urlsOf = (config: ConfigInput, env?: NodeJS.ProcessEnv): string[] =>
  kernelOf(config, env)
    .resolveAll('a.A')
    .map(({ address }) => address.url);

/** The only problem of a configuration that is refused. */
function problemOf(config: ConfigInput, env?: NodeJS.ProcessEnv): string {
  const error = thrownBy(() => kernelOf(config, env));
  expect(error.reason).toBe('BAD_CONFIG');
  return error.message.split('\n  ').slice(1).join('\n');
}

describe('Several URLs of a service', () => {
  test('are told in their order, with the same settings each, and with options of their own in their queries.', () => {
    const kernel = kernelOf({
      services: {
        'a.A': { url: ['mem:1', 'mem:2?strategy=park'], timeout: '5s', transport: { strategy: 'spin' } },
      },
    });
    expect(kernel.resolveAll('a.A')).toMatchObject([
      { address: { path: '1' }, timeout: 5000, transportOptions: { strategy: 'spin' } },
      { address: { path: '2' }, timeout: 5000, transportOptions: { strategy: 'park' } },
    ]);
  });

  test('are replaced by one, and the other way round, by who has the last word.', () => {
    const both = { services: { 'a.A': { url: ['mem:1', 'mem:2'] } } };
    const variable = 'CALLGATE_SERVICES__a_A__URL';
    expect(urlsOf(both, { [variable]: 'mem:3' })).toEqual(['mem:3']);
    expect(urlsOf(both, { [variable]: '["mem:3","mem:4"]' })).toEqual(['mem:3', 'mem:4']);
    expect(
      kernelOf(both)
        .resolveAll('a.A', { url: 'mem:5' })
        .map(({ address }) => address.url),
    ).toEqual(['mem:5']);
  });

  test.each([
    [[], 'services.a.A.url: expected a URL, or a list of them; found a list'],
    [['mem:1', 'mem:1'], 'services.a.A.url: "mem:1" is there twice'],
    [['mem:1', 'mme:2'], 'unknown scheme'],
    [['mem:1', 7], 'services.a.A.url: expected a URL, <scheme>:<address>; found 7'],
  ])('are refused where they make no sense: %j', (url, words) => {
    expect(problemOf({ services: { 'a.A': { url: url as string[] } } })).toContain(words);
  });

  test('are no place to listen at: each server is at one of them.', () => {
    const kernel = kernelOf({ services: { 'a.A': { url: ['mem:1', 'mem:2'] } } });
    const error = thrownBy(() => kernel.listenTargets(['a.A']));
    expect(error.message).toBe('a.A has several URLs (mem:1, mem:2): give listen() the one at which this server is');
    expect(kernel.listenTargets(['a.A'], { url: 'mem:2' })).toMatchObject([{ address: { path: '2' } }]);
  });
});

describe('The balance and the policy of retries', () => {
  test('hold as the last who speaks of them says.', () => {
    const kernel = kernelOf(
      {
        defaults: { url: 'mem:all', balance: 'round-robin', retry: { maxAttempts: 3 } },
        services: { 'b.B': { retry: false } },
      },
      { CALLGATE_SERVICES__b_B__BALANCE: 'least-loaded', CALLGATE_DEFAULTS__RETRY: '{"maxAttempts":2}' },
    );
    expect(kernel.resolve('a.A')).toMatchObject({ balance: 'round-robin', retry: { maxAttempts: 2 } });
    expect(kernel.resolve('b.B')).toMatchObject({ balance: 'least-loaded', retry: false });
  });

  test.each<[ConfigInput, string]>([
    [
      { defaults: { balance: 'random' as 'round-robin' } },
      'defaults.balance: expected pick-first, round-robin, least-loaded; found "random"',
    ],
    [
      { defaults: { retry: { maxAttempts: 9 } } },
      'defaults.retry: maxAttempts: expected a whole number from 2 to 5 (retry: false makes no second attempt), found 9',
    ],
    [{ defaults: { retry: true as false } }, 'defaults.retry: expected a policy or false, found true'],
  ])('are refused in words: %j', (config, words) => {
    expect(problemOf(config)).toBe(words);
  });
});

test('A client calls whichever of several configured servers is there.', async () => {
  const url = [`inproc:${randomUUID()}`, `inproc:${randomUUID()}`];
  const gate = createGate(
    createKernel({ config: { services: { 'test.Echo': { url } } }, plugins: [{ transports: [inprocTransport] }] }),
  );
  await using server = gate.createServer();
  await server.add(Echo, { echo: (request) => request }).listen(url[1]);
  await using client = gate.createClient(Echo);
  expect(await client.echo({ text: 'either' })).toEqual({ text: 'either' });
  expect(client.$channel.addresses).toMatchObject([
    { url: url[0], calls: 0 },
    { url: url[1], calls: 1, state: 'ready' },
  ]);
});
