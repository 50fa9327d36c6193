import { describe, expect, test } from 'vitest';
import { createRegistry } from './registry.js';
import { plainTransport } from './testing/plain-transport.js';
import { thrownBy } from './testing/thrown.js';
import type { Codec } from './tokens.js';

const asItIs: Codec = { name: 'as-it-is', adapt: (service) => service };

describe('A registered transport', () => {
  test('is found by its scheme.', () => {
    const registry = createRegistry();
    const mem = plainTransport('mem');
    registry.registerTransport(plainTransport('wire'));
    registry.registerTransport(mem);
    expect(registry.transport('mem')).toBe(mem);
    expect(registry.schemes()).toEqual(['mem', 'wire']);
  });

  test('is loaded when it is first used, and only once.', () => {
    const registry = createRegistry();
    let loads = 0;
    registry.registerTransport({
      scheme: 'mem',
      load: () => {
        loads++;
        return plainTransport('mem');
      },
    });
    expect(loads).toBe(0);
    expect(registry.transport('mem')).toBe(registry.transport('mem'));
    expect(loads).toBe(1);
  });

  test('is tried again when loading it failed.', () => {
    const registry = createRegistry();
    let loads = 0;
    registry.registerTransport({
      scheme: 'mem',
      load: () => {
        loads++;
        if (loads === 1) throw new Error('not yet');
        return plainTransport('mem');
      },
    });
    expect(() => registry.transport('mem')).toThrow('not yet');
    expect(registry.transport('mem').scheme).toBe('mem');
  });

  test('is unknown to every other registry.', () => {
    createRegistry().registerTransport(plainTransport('mem'));
    expect(createRegistry().schemes()).toEqual([]);
  });

  test('keeps its scheme to itself.', () => {
    const registry = createRegistry();
    registry.registerTransport(plainTransport('mem'));
    const error = thrownBy(() => registry.registerTransport(plainTransport('mem')));
    expect(error.message).toBe('two transports are registered for the scheme "mem:"');
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'BAD_OPTION']);
  });

  test('has a scheme that a URL can have.', () => {
    expect(thrownBy(() => createRegistry().registerTransport(plainTransport('Mem:'))).message).toBe(
      '"Mem:" cannot be the scheme of a URL: expected lower-case letters, digits, + . -',
    );
  });
});

describe('An unknown scheme', () => {
  test('is refused with the known ones and the one that was meant.', () => {
    const registry = createRegistry();
    registry.registerTransport(plainTransport('shm'));
    registry.registerTransport(plainTransport('inproc'));
    const error = thrownBy(() => registry.transport('smh'));
    expect(error.message).toBe('unknown scheme "smh:"; did you mean "shm:"? Known schemes: inproc:, shm:');
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', 'UNKNOWN_SCHEME']);
  });

  test('is never taken for one that is not installed.', () => {
    const registry = createRegistry();
    registry.registerTransport(plainTransport('shm'));
    registry.registerTransport({ scheme: 'far', load: () => plainTransport('far'), installed: () => false });
    expect(registry.has('far')).toBe(true);
    expect(thrownBy(() => registry.transport('fra')).message).toBe('unknown scheme "fra:". Known schemes: shm:');
  });

  test('is refused without a guess when none is near.', () => {
    const registry = createRegistry();
    registry.registerTransport(plainTransport('shm'));
    expect(thrownBy(() => registry.transport('http')).message).toBe('unknown scheme "http:". Known schemes: shm:');
    expect(thrownBy(() => createRegistry().transport('http')).message).toBe(
      'unknown scheme "http:"; no transport is registered',
    );
  });
});

describe('A registered codec', () => {
  test('is found by its name, which it keeps to itself.', () => {
    const registry = createRegistry();
    registry.registerCodec(asItIs);
    expect(registry.codec('as-it-is')).toBe(asItIs);
    expect(thrownBy(() => registry.registerCodec(asItIs)).message).toBe(
      'two codecs are registered under the name "as-it-is"',
    );
    expect(thrownBy(() => registry.codec('json')).message).toBe('no codec is registered under the name "json"');
  });
});

test('Interceptors keep the order in which they were registered.', () => {
  const registry = createRegistry();
  const first = () => 1;
  const second = () => 2;
  expect(registry.interceptors()).toEqual([]);
  registry.registerInterceptor(first);
  registry.registerInterceptor(second);
  expect(registry.interceptors()).toEqual([first, second]);
});
