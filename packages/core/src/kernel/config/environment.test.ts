import { describe, expect, test } from 'vitest';
import { createKernel, type Target } from '../kernel.js';
import { plainTransports } from '../testing/plain-transport.js';
import { thrownBy } from '../testing/thrown.js';
import type { ConfigInput } from './settings.js';

const plugins = [{ transports: plainTransports }];
const file: ConfigInput = {
  services: {
    'geo.Geo': { url: 'mem:geo', timeout: '5s', transport: { strategy: 'spin', allow: { uid: 0 } } },
    'geo.city_maps.Maps': { url: 'mem:maps' },
  },
};

function resolve(service: string, env: NodeJS.ProcessEnv, config: ConfigInput = file): Target {
  return createKernel({ config, env, plugins }).resolve(service);
}

/** The only problem of a configuration that is refused. */
function problemOf(env: NodeJS.ProcessEnv, config: ConfigInput = file): string {
  const error = thrownBy(() => createKernel({ config, env, plugins }));
  expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_CONFIG']);
  expect(error.message).toMatch(/^the configuration has 1 problem:\n/);
  return error.message.split('\n  ')[1]!;
}

describe('A variable', () => {
  test('changes the URL of one service.', () => {
    const env = { CALLGATE_SERVICES__geo_Geo__URL: 'mem:other' };
    expect(resolve('geo.Geo', env).address.path).toBe('other');
    expect(resolve('geo.city_maps.Maps', env).address.path).toBe('maps');
  });

  test.each(['CALLGATE_SERVICES__geo_Geo__URL', 'CALLGATE_SERVICES__GEO_GEO__URL', 'CALLGATE_services__geo_geo__url'])(
    'can be written as %s.',
    (variable) => {
      expect(resolve('geo.Geo', { [variable]: 'mem:other' }).address.path).toBe('other');
    },
  );

  test('names a service that has underscores of its own.', () => {
    expect(resolve('geo.city_maps.Maps', { CALLGATE_SERVICES__geo_city_maps_Maps__URL: 'mem:x' }).address.path).toBe(
      'x',
    );
    const config = { services: { my__pkg: { url: 'mem:a' } } };
    expect(resolve('my__pkg', { CALLGATE_SERVICES__my__pkg__URL: 'mem:x' }, config).address.path).toBe('x');
  });

  test('changes a default, below what a service says itself.', () => {
    const env = { CALLGATE_DEFAULTS__TIMEOUT: '1s' };
    expect(resolve('geo.city_maps.Maps', env).timeout).toBe(1000);
    expect(resolve('geo.Geo', env).timeout).toBe(5000);
  });

  test.each([
    ['never', 'never'],
    ['250ms', 250],
    ['250', 250],
  ])('sets the timeout to %s.', (text, timeout) => {
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__TIMEOUT: text }).timeout).toBe(timeout);
  });

  test.each([
    ['true', true],
    ['false', false],
  ])('says with %s whether calls are urgent, wait for a connection, and trust the other side.', (text, on) => {
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__URGENT: text }).urgent).toBe(on);
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__WAIT_FOR_READY: text }).waitForReady).toBe(on);
    expect(resolve('geo.Geo', { CALLGATE_DEFAULTS__waitForReady: text }).waitForReady).toBe(on);
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__TRUSTED: text }).trusted).toBe(on);
  });

  test('sets the timeout of one phase and leaves the other as it is.', () => {
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__TIMEOUT__SEND: 'immediate' }).timeout).toEqual({
      send: 'immediate',
      reply: 5000,
    });
  });

  test.each([
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__STRATEGY', 'park', { strategy: 'park' }],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__MAX_MESSAGE_BYTES', '4096', { maxMessageBytes: 4096 }],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__maxMessageBytes', '4096', { maxMessageBytes: 4096 }],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__ALLOW__GID', '[5, 6]', { allow: { uid: 0, gid: [5, 6] } }],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT', '{"strategy":"park"}', { strategy: 'park' }],
  ])('sets an option of the transport: %s=%s.', (variable, text, options) => {
    expect(resolve('geo.Geo', { [variable]: text }).transportOptions).toEqual({
      strategy: 'spin',
      allow: { uid: 0 },
      ...options,
    });
  });

  test('swaps the transport, leaving behind the options that only the old one has.', () => {
    const target = resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__URL: 'wire:/tmp/geo.sock' });
    expect(target.transport.scheme).toBe('wire');
    expect(target.transportOptions).toEqual({ allow: { uid: 0 } });
  });

  test('is as good as not set when it is empty.', () => {
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__geo_Geo__URL: '' }).address.path).toBe('geo');
  });

  test('can say everything where there is no configuration.', () => {
    const env = { CALLGATE_SERVICES__geo_Geo__URL: 'mem:geo', CALLGATE_DEFAULTS__TRANSPORT__STRATEGY: 'park' };
    expect(resolve('geo.Geo', env, {})).toMatchObject({
      address: { url: 'mem:geo' },
      transportOptions: { strategy: 'park' },
    });
    expect(resolve('geo.Geo', { CALLGATE_SERVICES__GEO_GEO__URL: 'mem:geo' }, {}).address.path).toBe('geo');
  });

  test('of Kubernetes is left alone, and so is one of somebody else.', () => {
    const env = {
      CALLGATE_SERVICE_HOST: '10.0.0.1',
      CALLGATE_SERVICE_PORT: '80',
      CALLGATE_SERVICE_PORT_HTTP: '80',
      CALLGATE_PORT: 'tcp://10.0.0.1:80',
      CALLGATE_PORT_80_TCP_ADDR: '10.0.0.1',
      CALLGATE_CONFIG: 'callgate.yaml',
      HOME: '/root',
    };
    expect(resolve('geo.Geo', env).address.path).toBe('geo');
  });
});

describe('A variable with a slip in its name', () => {
  test.each([
    ['CALLGATE_SERVISES__geo_Geo__URL', 'unknown variable; did you mean CALLGATE_SERVICES?'],
    [
      'CALLGATE_SERVICES_geo_Geo_URL',
      'unknown variable; two underscores separate its parts: CALLGATE_SERVICES__<service>__<setting>, ' +
        'CALLGATE_DEFAULTS__<setting>',
    ],
    ['CALLGATE_CONFIGG', 'unknown variable; did you mean CALLGATE_CONFIG?'],
    ['CALLGATE_SERVICES', 'names no service; expected CALLGATE_SERVICES__<service>__<setting>'],
    [
      'CALLGATE_SERVICES__geo_Geo',
      'names no setting; known are URL, DIRECTION, TIMEOUT, URGENT, WAIT_FOR_READY, TRUSTED, BALANCE, RETRY, TRANSPORT, CODEC, INTERCEPTORS',
    ],
    [
      'CALLGATE_DEFAULTS',
      'names no setting; known are URL, DIRECTION, TIMEOUT, URGENT, WAIT_FOR_READY, TRUSTED, BALANCE, RETRY, TRANSPORT, CODEC, INTERCEPTORS',
    ],
    ['CALLGATE_SERVICES__geo_Goe__URL', 'the configuration has no such service; did you mean "geo_Geo"?'],
    ['CALLGATE_SERVICES__Weather__URL', 'the configuration has no such service; it has geo_Geo, geo_city_maps_Maps'],
    ['CALLGATE_SERVICES__geo_Geo__URI', 'unknown setting "URI"; did you mean "URL"?'],
    [
      'CALLGATE_SERVICES__geo_Geo__COLOUR',
      'unknown setting "COLOUR"; known are URL, DIRECTION, TIMEOUT, URGENT, WAIT_FOR_READY, TRUSTED, BALANCE, RETRY, TRANSPORT, CODEC, INTERCEPTORS',
    ],
    ['CALLGATE_SERVICES__geo_Geo__URL__SEND', 'nothing of the name "SEND" is below URL'],
    ['CALLGATE_SERVICES__geo_Geo__TIMEOUT__SNED', 'nothing of the name "SNED" is below TIMEOUT; known are SEND, REPLY'],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__', 'names no option'],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT____proto____x', 'names no option'],
    ['CALLGATE_SERVICES__geo_Geo__TRANSPORT__constructor', 'this name is not permitted'],
  ])('%s is refused.', (variable, message) => {
    expect(problemOf({ [variable]: 'x' })).toBe(`${variable}: ${message}`);
  });

  test('is refused where the configuration names no service, too.', () => {
    expect(problemOf({ CALLGATE_SERVICES____proto____URL: 'mem:a' }, {})).toBe(
      'CALLGATE_SERVICES____proto____URL: this name is not permitted',
    );
    expect(({} as { url?: string }).url).toBeUndefined();
  });
});

describe('Two variables', () => {
  test('that set the same are refused.', () => {
    const env = { CALLGATE_SERVICES__GEO_GEO__URL: 'mem:a', CALLGATE_SERVICES__geo_Geo__URL: 'mem:b' };
    expect(problemOf(env)).toBe(
      'CALLGATE_SERVICES__geo_Geo__URL: sets the same as CALLGATE_SERVICES__GEO_GEO__URL; keep one of them',
    );
  });

  test('for a timeout as a whole and for one phase are refused.', () => {
    expect(problemOf({ CALLGATE_DEFAULTS__TIMEOUT: '1s', CALLGATE_DEFAULTS__TIMEOUT__SEND: '2s' })).toBe(
      'CALLGATE_DEFAULTS__TIMEOUT__SEND: sets the same as CALLGATE_DEFAULTS__TIMEOUT; keep one of them',
    );
  });

  test('for all options and for one are laid over each other.', () => {
    const env = {
      CALLGATE_SERVICES__geo_Geo__TRANSPORT: '{"strategy":"park","maxMessageBytes":64}',
      CALLGATE_SERVICES__geo_Geo__TRANSPORT__MAX_MESSAGE_BYTES: '128',
    };
    expect(resolve('geo.Geo', env).transportOptions).toMatchObject({ strategy: 'park', maxMessageBytes: 128 });
  });

  test('cannot tell apart services whose names differ in a dot, and one is refused for that.', () => {
    const config = { services: { 'a.b_c': {}, 'a.b.c': {} } };
    expect(problemOf({ CALLGATE_SERVICES__a_b_c__URL: 'mem:x' }, config)).toBe(
      'CALLGATE_SERVICES__a_b_c__URL: could mean a.b_c or a.b.c',
    );
  });
});

describe('A value that is wrong', () => {
  test.each([
    [
      'CALLGATE_SERVICES__geo_Geo__URL',
      'mme:geo',
      'services.geo.Geo.url (CALLGATE_SERVICES__geo_Geo__URL): unknown scheme "mme:"; did you mean "mem:"? Known ' +
        'schemes: mem:, wire:',
    ],
    [
      'CALLGATE_SERVICES__geo_Geo__TIMEOUT',
      'soon',
      'services.geo.Geo.timeout (CALLGATE_SERVICES__geo_Geo__TIMEOUT): expected never, immediate, a duration such as ' +
        '250ms, 5s or 2m, or a number of milliseconds, or a map of send and reply; found "soon"',
    ],
    [
      'CALLGATE_SERVICES__geo_Geo__TRANSPORT__STRATEGY',
      'doze',
      'services.geo.Geo.transport.strategy (CALLGATE_SERVICES__geo_Geo__TRANSPORT__STRATEGY): expected one of spin, ' +
        'park, found "doze"',
    ],
    [
      'CALLGATE_SERVICES__geo_Geo__TRANSPORT__MAXMESSAGEBYTES',
      '64',
      'services.geo.Geo.transport.maxmessagebytes (CALLGATE_SERVICES__geo_Geo__TRANSPORT__MAXMESSAGEBYTES): unknown ' +
        'option; known are allow, direction, maxMessageBytes, strategy',
    ],
    [
      'CALLGATE_SERVICES__geo_Geo__TRANSPORT',
      'spin',
      'services.geo.Geo.transport (CALLGATE_SERVICES__geo_Geo__TRANSPORT): expected a map; found "spin"',
    ],
    [
      'CALLGATE_SERVICES__geo_Geo__TRANSPORT',
      '{"__proto__":{"x":1}}',
      'services.geo.Geo.transport.__proto__ (CALLGATE_SERVICES__geo_Geo__TRANSPORT): this key is not permitted',
    ],
  ])('is told by the name of the variable: %s=%s.', (variable, text, problem) => {
    expect(problemOf({ [variable]: text })).toBe(problem);
  });
});
