import { describe, expect, it } from 'vitest';
import { createServerOn } from '../server/index.js';
import { freshTarget, streamPair } from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { Streams } from '../testing/text-service.js';
import type { CallOptions } from './index.js';
import { createSyncClientOn } from './index.js';

const wrong: readonly (readonly [options: unknown, words: string])[] = [
  [{ timeoutMs: 5 }, 'timeoutMs: unknown option of a call; known are timeout, metadata, signal,'],
  [null, 'options of a call: expected an object, found null'],
  [{ signal: 5 }, 'signal: expected an AbortSignal, found 5'],
  [{ signal: new AbortController() }, 'signal: expected an AbortSignal, found [object AbortController]'],
  [{ parent: 'Geo' }, 'parent: expected the context of a handler, or null, found Geo'],
  [{ waitForReady: 'yes' }, 'waitForReady: expected true or false, found yes'],
  [{ urgent: 1 }, 'urgent: expected true or false, found 1'],
  [{ handles: 3 }, 'handles: expected an array of handles, found 3'],
  [{ handlesInto: {} }, 'handlesInto: expected an array of handles, found [object Object]'],
  [{ onHeaders: 5 }, 'onHeaders: expected a function, found 5'],
  [{ onTrailers: 'x' }, 'onTrailers: expected a function, found x'],
];

describe('the options of a call', () => {
  it.each(wrong)('%j are refused in words, and nothing is called', async (options, words) => {
    let begun = 0;
    const began = (request: { text: string }) => {
      begun++;
      return request;
    };
    await using both = await streamPair({ echo: began, list: (request) => [began(request)] });
    const error = await failure(both.client.echo({ text: '' }, options as CallOptions));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'BAD_OPTION' });
    expect(error.message).toContain(words);
    const stream = both.client.list({ text: '' }, options as CallOptions)[Symbol.asyncIterator]();
    expect((await failure(stream.next())).message).toContain(words);
    expect((await failure(both.client.join([], options as CallOptions))).message).toContain(words);

    const blocking = createSyncClientOn(Streams, () => freshTarget());
    expect(() => blocking.echo({ text: '' }, options as CallOptions)).toThrow(words);
    expect(() => [...blocking.list({ text: '' }, options as CallOptions)]).toThrow(words);
    blocking.$close();
    expect(begun).toBe(0);
    expect(both.client.$channel.stats.inFlight).toBe(0);
  });

  it('may be there and undefined, all of them', async () => {
    await using both = await streamPair();
    const options: CallOptions = {
      timeout: undefined,
      metadata: undefined,
      signal: undefined,
      waitForReady: undefined,
      retry: undefined,
      parent: undefined,
      urgent: undefined,
      handles: undefined,
      handlesInto: undefined,
      onHeaders: undefined,
      onTrailers: undefined,
    };
    expect(await both.client.echo({ text: 'a' }, options)).toEqual({ text: 'a' });
  });
});

describe('the options of a server', () => {
  it.each([
    [{ maxConcurentCalls: 3 }, 'maxConcurentCalls: unknown option of a server; known are maxConcurrentCalls,'],
    [
      { interceptors: [() => undefined, 5] },
      'interceptors[1]: expected a function: (call, next) => next(call), found 5',
    ],
    [{ interceptors: () => undefined }, 'interceptors: expected an array of functions, found a function'],
    [{ checksum: 'yes' }, 'checksum: expected true or false, found yes'],
    [{ onError: 'log' }, 'onError: expected a function, found log'],
  ])('%j are refused in words', (options, words) => {
    expect(() => createServerOn(() => [], options as object)).toThrow(words);
  });
});
