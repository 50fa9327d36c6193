import { describe, expect, test } from 'vitest';
import type { ConfigInput, ServiceSettings } from './config/settings.js';
import { createKernel, type Kernel } from './kernel.js';
import { plainTransport, plainTransports } from './testing/plain-transport.js';
import { thrownBy } from './testing/thrown.js';

function kernelOf(config?: ConfigInput): Kernel {
  return createKernel({ ...(config && { config }), plugins: [{ transports: plainTransports }] });
}

describe('A service', () => {
  test('is where code says, over what is configured.', () => {
    const kernel = kernelOf({
      services: { 'geo.Geo': { url: 'mem:a', timeout: '1s', transport: { strategy: 'spin' } } },
    });
    const target = kernel.resolve('geo.Geo', { url: 'mem:b', timeout: 'never', transport: { maxMessageBytes: 64 } });
    expect(target).toMatchObject({
      address: { path: 'b' },
      timeout: 'never',
      transportOptions: { strategy: 'spin', maxMessageBytes: 64 },
    });
    expect(target.transport).toBe(plainTransports[0]);
  });

  test('keeps what every transport understands when code moves it to another one.', () => {
    const config = { 'geo.Geo': { url: 'mem:a', transport: { strategy: 'spin', allow: { uid: 0 } } } };
    const target = kernelOf({ services: config }).resolve('geo.Geo', { url: 'wire:b', transport: { mode: '0660' } });
    expect(target.transportOptions).toEqual({ allow: { uid: 0 }, mode: '0660' });
  });

  test('that says another URL than the defaults keeps their options while the scheme stays the same.', () => {
    const kernel = kernelOf({
      defaults: {
        url: 'mem:all',
        timeout: { send: '1s', reply: '2s' },
        transport: { strategy: 'park', maxMessageBytes: 64 },
      },
      services: {
        'a.A': { url: 'mem:a', timeout: { reply: 'never' } },
        'b.B': { url: 'wire:b', timeout: 7, transport: { maxMessageBytes: 128 } },
      },
    });
    expect(kernel.resolve('a.A')).toMatchObject({
      address: { path: 'a' },
      timeout: { send: 1000, reply: 'never' },
      transportOptions: { strategy: 'park', maxMessageBytes: 64 },
    });
    const other = kernel.resolve('b.B');
    expect(other.timeout).toBe(7);
    expect(other.transportOptions).toEqual({ maxMessageBytes: 128 });
    expect(kernel.resolve('c.C').address.path).toBe('all');
  });

  test('takes options from its URL, over those beside it.', () => {
    const kernel = kernelOf({ services: { 'a.A': { url: 'mem:a?strategy=park', transport: { strategy: 'spin' } } } });
    expect(kernel.resolve('a.A').transportOptions).toEqual({ strategy: 'park' });
    expect(kernel.resolve('a.A', { url: 'mem:b?maxMessageBytes=64' }).transportOptions).toEqual({
      strategy: 'park',
      maxMessageBytes: 64,
    });
  });

  test('replaces a rule of the defaults whole.', () => {
    const kernel = kernelOf({
      defaults: { url: 'mem:a', transport: { allow: { uid: 0 } } },
      services: { 'a.A': { transport: { allow: { gid: 5 } } } },
    });
    expect(kernel.resolve('a.A').transportOptions).toEqual({ allow: { gid: 5 } });
  });

  test('is called urgently where that is said, and by whom last.', () => {
    const kernel = kernelOf({
      defaults: { url: 'mem:all', urgent: true },
      services: { 'b.B': { urgent: false } },
    });
    expect(kernel.resolve('a.A').urgent).toBe(true);
    expect(kernel.resolve('b.B').urgent).toBe(false);
    expect(kernel.resolve('b.B', { urgent: true }).urgent).toBe(true);
    expect('urgent' in kernelOf().resolve('a.A', { url: 'mem:a' })).toBe(false);
  });

  test('has its calls wait for a connection, and its sides trust each other, where that is said.', () => {
    const kernel = kernelOf({
      defaults: { url: 'mem:all', waitForReady: true, trusted: true },
      services: { 'b.B': { waitForReady: false, trusted: false } },
    });
    expect(kernel.resolve('a.A')).toMatchObject({ waitForReady: true, trusted: true });
    expect(kernel.resolve('b.B')).toMatchObject({ waitForReady: false, trusted: false });
    expect(kernel.resolve('b.B', { waitForReady: true, trusted: true })).toMatchObject({
      waitForReady: true,
      trusted: true,
    });
    const silent = kernelOf().resolve('a.A', { url: 'mem:a' });
    expect(['waitForReady' in silent, 'trusted' in silent]).toEqual([false, false]);
    expect(thrownBy(() => kernel.listenTargets(['a.A', 'b.B'])).message).toBe(
      'the configuration: a.A and b.B share mem:all, but only one is trusted; make them the same',
    );
  });

  test('without a timeout leaves it to its methods.', () => {
    expect('timeout' in kernelOf().resolve('a.A', { url: 'mem:a' })).toBe(false);
  });
});

describe('A service without a URL', () => {
  test('is refused with the places where one can be given.', () => {
    const error = thrownBy(() => kernelOf().resolve('geo.Geo'));
    expect(error.message).toBe(
      'there is no URL for geo.Geo; give one in code, as services.geo.Geo.url in callgate.yaml, or in the variable ' +
        'CALLGATE_SERVICES__geo_Geo__URL',
    );
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_CONFIG']);
  });

  test('is refused with the configured one that was meant.', () => {
    const kernel = kernelOf({ services: { 'geo.Goe': { url: 'mem:geo' } } });
    expect(thrownBy(() => kernel.resolve('geo.Geo')).message).toContain(
      'there is no URL for geo.Geo (the configuration has "geo.Goe"; did you mean that?); give one',
    );
  });
});

describe('What code gives', () => {
  test.each<[string, ServiceSettings, string, string]>([
    [
      'a scheme',
      { url: 'mme:a' },
      'UNKNOWN_SCHEME',
      'unknown scheme "mme:"; did you mean "mem:"? Known schemes: mem:, wire:',
    ],
    [
      'a URL',
      { url: 'geo' },
      'BAD_ADDRESS',
      'bad address "geo": expected <scheme>:<address>, such as unix:/run/geo.sock or shm:geo',
    ],
    [
      'a timeout',
      { url: 'mem:a', timeout: -1 },
      'BAD_OPTION',
      'bad options for a.A: timeout: expected never, immediate, a duration such as 250ms, 5s or 2m, or a number of ' +
        'milliseconds, or a map of send and reply; found -1',
    ],
    [
      'a phase',
      { url: 'mem:a', timeout: { sned: 1 } as ServiceSettings['timeout'] & object },
      'BAD_OPTION',
      'bad options for a.A: timeout.sned: unknown key; did you mean "send"?',
    ],
    [
      'an option of the transport',
      { url: 'mem:a', transport: { strategy: 'doze', sped: 1 } },
      'BAD_OPTION',
      'bad options for a.A at mem:a: transport.strategy: expected one of spin, park, found "doze"; ' +
        'transport.sped: unknown option; known are allow, direction, maxMessageBytes, strategy',
    ],
    [
      'a codec',
      { url: 'mem:a', codec: 'json' },
      'BAD_OPTION',
      'bad options for a.A at mem:a: codec: unknown codec "json"; registered: none',
    ],
  ])('is refused when it is wrong: %s.', (_what, settings, reason, message) => {
    const error = thrownBy(() => kernelOf().resolve('a.A', settings));
    expect(error.message).toBe(message);
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', reason]);
  });
});

describe('Where to listen', () => {
  test('is once for each URL, however many services share it.', () => {
    const kernel = kernelOf({
      defaults: { url: 'mem:all', transport: { maxMessageBytes: 64 } },
      services: { 'b.B': { url: 'wire:b' } },
    });
    expect(kernel.listenTargets(['a.A', 'b.B', 'c.C']).map((target) => target.address.url)).toEqual([
      'mem:all',
      'wire:b',
    ]);
  });

  test('is refused for services that share a URL and disagree about its options.', () => {
    const kernel = kernelOf({
      services: { 'a.A': { url: 'mem:x' }, 'b.B': { url: 'mem:x', transport: { strategy: 'spin' } } },
    });
    const error = thrownBy(() => kernel.listenTargets(['a.A', 'b.B']));
    expect(error.message).toBe(
      'the configuration: a.A and b.B share mem:x, but their transport options differ; make them the same, or state ' +
        'them under defaults',
    );
    expect(error.reason).toBe('BAD_CONFIG');
  });
});

describe('Two kernels', () => {
  test('share nothing.', () => {
    const mine = plainTransport('mem');
    const kernel = createKernel({ plugins: [{ transports: [mine] }] });
    expect(kernel.resolve('a.A', { url: 'mem:a' }).transport).toBe(mine);
    expect(kernelOf().resolve('a.A', { url: 'mem:a' }).transport).toBe(plainTransports[0]);
  });
});

test('A kernel is refused when two of its plug-ins want the same scheme.', () => {
  const plugins = [{ transports: plainTransports }, { transports: [plainTransport('mem')] }];
  expect(thrownBy(() => createKernel({ plugins })).message).toBe('two transports are registered for the scheme "mem:"');
});
