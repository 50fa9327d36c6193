import { lastValueFrom, map, type Observable, of, toArray } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { type InterceptedCall, type Interceptor, observeCall, RpcStream } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import { freshTarget, pair, streamPair } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { Streams, type Text } from '../testing/text-service.js';
import { createSyncClientOn } from './index.js';

async function collect(stream: AsyncIterable<Text>): Promise<string[]> {
  const got: string[] = [];
  for await (const { text } of stream) got.push(text);
  return got;
}

/** An interceptor that writes down what it sees of a call. */
function noting(events: string[]): Interceptor {
  return (call, next) => {
    events.push(`${call.side} ${call.method.localName}`);
    return observeCall(() => next(call), {
      onItem: (item) => events.push(`${call.side} got ${(item as Text).text}`),
      onEnd: (error) => events.push(`${call.side} ${error === undefined ? 'ended' : (error as RpcError).code}`),
    });
  };
}

describe('interceptors of a client', () => {
  it('see each call once, in order, the first one outermost', async () => {
    const order: string[] = [];
    const named =
      (name: string): Interceptor =>
      async (call, next) => {
        order.push(`${name} before`);
        const reply = await next(call);
        order.push(`${name} after`);
        return reply;
      };
    await using both = await pair({}, { client: { interceptors: [named('first'), named('second')] } });
    expect(await both.client.echo({ text: 'hello' })).toEqual({ text: 'hello' });
    expect(order).toEqual(['first before', 'second before', 'second after', 'first after']);
  });

  it('see what the call is about, and change what goes on: request, metadata, timeout', async () => {
    let seen: InterceptedCall | undefined;
    const interceptor: Interceptor = (call, next) => {
      seen = call;
      call.metadata.set('user', 'Ada');
      const timeout = call.method.localName === 'work' ? 30 : call.timeout;
      return next({ ...call, request: { text: 'changed' }, timeout });
    };
    await using both = await pair(
      {
        echo: ({ text }, { metadata }) => ({ text: `${text} ${metadata.get('user')} ${metadata.get('own')}` }),
        work: () => new Promise<never>(() => undefined),
      },
      { client: { interceptors: [interceptor], timeout: 5000 } },
    );
    const controller = new AbortController();
    const metadata = { own: 'yes' };
    expect(await both.client.echo({ text: 'x' }, { metadata, signal: controller.signal })).toEqual({
      text: 'changed Ada yes',
    });
    expect(metadata).toEqual({ own: 'yes' });
    expect(seen).toMatchObject({ side: 'client', mode: 'async', path: 'test.Texts/Echo', timeout: 5000 });
    expect(seen?.signal).toBe(controller.signal);
    expect(await failure(both.client.work({ text: '' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('may answer themselves, go on twice, and hear what comes with the reply', async () => {
    let calls = 0;
    const heard: unknown[] = [];
    const interceptor: Interceptor = async (call, next) => {
      if ((call.request as Text).text === 'known') return { text: 'from memory' };
      const onTrailers: InterceptedCall['onTrailers'] = (trailers) => heard.push(trailers.get('cost'));
      await next({ ...call, onTrailers });
      return next(call);
    };
    await using both = await pair(
      {
        echo: (request, { trailers }) => {
          calls++;
          trailers.set('cost', `${calls}`);
          return request;
        },
      },
      { client: { interceptors: [interceptor] } },
    );
    expect(await both.client.echo({ text: 'known' })).toEqual({ text: 'from memory' });
    expect(calls).toBe(0);
    expect(await both.client.echo({ text: 'new' })).toEqual({ text: 'new' });
    expect([calls, heard]).toEqual([2, ['1']]);
  });

  it.each<[string, Interceptor]>([
    [
      'at once',
      () => {
        throw new TypeError('the cat sat on it');
      },
    ],
    [
      'later',
      async () => {
        throw new TypeError('the cat sat on it');
      },
    ],
  ])(
    'that throw %s fail the call with INTERNAL, in words, and an RpcError of theirs is what it fails with',
    async (_name, interceptor) => {
      await using both = await streamPair({}, { client: { interceptors: [interceptor] } });
      const words = (method: string) => `test.Streams/${method}: an interceptor failed: the cat sat on it`;
      const unary = await failure(both.client.echo({ text: '' }));
      expect(unary).toMatchObject({ code: 'INTERNAL', reason: Reason.INTERCEPTOR_FAILED, message: words('Echo') });
      expect(unary.cause).toBeInstanceOf(TypeError);
      expect(await failure(both.client.join([]))).toMatchObject({ message: words('Join') });
      expect(await failure(collect(both.client.list({ text: '' })))).toMatchObject({ message: words('List') });
      expect(await failure(lastValueFrom(both.client.chat([])))).toMatchObject({ message: words('Chat') });

      const refusing: Interceptor = () => {
        throw new RpcError('PERMISSION_DENIED', 'not you', { reason: 'NOT_YOU' });
      };
      await using refused = await streamPair({}, { client: { interceptors: [refusing] } });
      expect(await failure(refused.client.echo({ text: '' }))).toMatchObject({
        code: 'PERMISSION_DENIED',
        reason: 'NOT_YOU',
      });
      expect(await failure(collect(refused.client.list({ text: '' })))).toMatchObject({ message: 'not you' });
    },
  );

  it('may give a promise of a stream, or another stream made of it', async () => {
    const later: Interceptor = async (call, next) => {
      await Promise.resolve();
      return next(call);
    };
    const shouting: Interceptor = (call, next) =>
      (next(call) as Observable<Text>).pipe(map(({ text }) => ({ text: text.toUpperCase() })));
    const doubling: Interceptor = async function* (call, next) {
      for await (const item of next(call) as RpcStream<Text>) yield* [item, item];
    };
    for (const [interceptors, expected] of [
      [
        [later, doubling],
        ['a', 'a', 'b', 'b'],
      ],
      [
        [later, shouting],
        ['A', 'B'],
      ],
      [
        [later, later],
        ['a', 'b'],
      ],
    ] as const) {
      await using both = await streamPair({}, { client: { interceptors } });
      const stream = both.client.list({ text: 'a b' });
      expect(stream).toBeInstanceOf(RpcStream);
      expect(await collect(stream)).toEqual(expected);
      expect((await lastValueFrom(stream.pipe(toArray()))).map(({ text }) => text)).toEqual(expected);
      expect(both.client.$channel.stats.inFlight).toBe(0);
    }
  });

  it('may not give something else where a stream is expected', async () => {
    await using both = await streamPair({}, { client: { interceptors: [() => 7] } });
    expect(await failure(collect(both.client.list({ text: '' })))).toMatchObject({
      reason: Reason.INTERCEPTOR_FAILED,
      message:
        'test.Streams/List: an interceptor failed: expected a stream (an iterable, an async iterable or an observable), found number; return what next(call) gives',
    });
  });

  it('that forget to return what next gives fail the call, but for one-way calls, which give nothing', async () => {
    const forgetful: Interceptor = async (call, next) => {
      await next(call);
    };
    await using both = await pair({}, { client: { interceptors: [forgetful] } });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({
      reason: Reason.INTERCEPTOR_FAILED,
      message:
        'test.Texts/Echo: an interceptor failed: it gave undefined where a reply is due; return what next(call) gives',
    });
    expect(await both.client.note({ text: '' })).toBeUndefined();
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['something else', {}, 'an object that is none'],
  ])('that give next %s are told so', async (_, wrong, found) => {
    const interceptors: Interceptor[] = [(_call, next) => next(wrong as InterceptedCall)];
    await using both = await pair({}, { client: { interceptors: [...interceptors, (call, next) => next(call)] } });
    const words = `next: expected the call, or a changed copy of it, found ${found}`;
    expect((await failure(both.client.echo({ text: '' }))).message).toBe(
      `test.Texts/Echo: an interceptor failed: ${words}`,
    );
  });
});

describe('observing calls', () => {
  it('tells items and the end of all kinds of methods, at both sides, once for each reading of a stream', async () => {
    const events: string[] = [];
    const interceptors = [noting(events)];
    await using both = await streamPair({}, { client: { interceptors }, server: { interceptors } });
    await both.client.echo({ text: 'hello' });
    expect(events.splice(0)).toEqual([
      'client echo',
      'server echo',
      'server got hello',
      'server ended',
      'client got hello',
      'client ended',
    ]);
    await both.client.join([{ text: 'a' }, { text: 'b' }]);
    expect(events.splice(0)).toEqual([
      'client join',
      'server join',
      'server got a b',
      'server ended',
      'client got a b',
      'client ended',
    ]);
    const list = both.client.list({ text: 'a b' });
    expect(events).toEqual([]);
    await collect(list);
    await lastValueFrom(list);
    const seen = events.splice(0);
    for (const side of ['client', 'server']) {
      const once = [`${side} list`, `${side} got a`, `${side} got b`, `${side} ended`];
      expect(seen.filter((event) => event.startsWith(side))).toEqual([...once, ...once]);
    }
    await collect(both.client.chat([{ text: 'a' }]));
    expect(events.splice(0).filter((event) => event.startsWith('client'))).toEqual([
      'client chat',
      'client got a!',
      'client ended',
    ]);
  });

  it('tells of failures, and of streams that nobody reads to their end', async () => {
    const events: string[] = [];
    const interceptors = [noting(events)];
    await using both = await streamPair(
      {
        echo: () => Promise.reject(new RpcError('ABORTED', 'no')),
        *list() {
          for (let i = 0; ; i++) yield { text: `${i}` };
        },
      },
      { client: { interceptors }, server: { interceptors } },
    );
    await failure(both.client.echo({ text: '' }));
    expect(events.splice(0)).toEqual(['client echo', 'server echo', 'server ABORTED', 'client ABORTED']);
    for await (const { text } of both.client.list({ text: '' })) if (text === '2') break;
    await vi.waitFor(() => expect(events).toContain('server CANCELLED'));
    expect(events.filter((event) => event.startsWith('client'))).toEqual([
      'client list',
      'client got 0',
      'client got 1',
      'client got 2',
      'client CANCELLED',
    ]);
    await vi.waitFor(() => expect(both.server.stats().running).toBe(0));
    expect(both.client.$channel.stats.inFlight).toBe(0);
  });

  it('tells of values, iterables and promises as they are', async () => {
    const heard: unknown[] = [];
    const observer = {
      onItem: (item: unknown) => heard.push(item),
      onEnd: (error: unknown) => heard.push(error ?? 'end'),
    };
    expect(observeCall(() => 5, observer)).toBe(5);
    expect([...(observeCall(() => [1, 2], observer) as Iterable<number>)]).toEqual([1, 2]);
    expect(await observeCall(async () => 6, observer)).toBe(6);
    const thrown = new Error('x');
    expect(() =>
      observeCall(() => {
        throw thrown;
      }, observer),
    ).toThrow(thrown);
    expect(heard).toEqual([5, 'end', 1, 2, 'end', 6, 'end', thrown]);
  });
});

describe('an observer that throws', () => {
  const throwing = (what: 'onItem' | 'onEnd'): Interceptor => {
    const fail = () => {
      throw new Error('the cat sat on it');
    };
    return (call, next) => observeCall(() => next(call), { [what]: fail });
  };
  const endless = {
    *list() {
      for (;;) yield { text: 'again' };
    },
  };
  const words = 'an interceptor failed: the cat sat on it';

  it.each(['an iteration', 'a subscription'])(
    'fails the stream at %s, which ends the call at both sides',
    async (how) => {
      await using both = await streamPair(endless, { client: { interceptors: [throwing('onItem')] } });
      const list = both.client.list({ text: '' });
      const error = await failure(how === 'an iteration' ? collect(list) : lastValueFrom(list));
      expect(error).toMatchObject({ code: 'INTERNAL', reason: Reason.INTERCEPTOR_FAILED });
      expect(error.message).toContain(words);
      await vi.waitFor(() => expect(both.server.stats().running).toBe(0));
      expect(both.client.$channel.stats.inFlight).toBe(0);
    },
  );

  it.each(['an iteration', 'a subscription'])('at the end fails the stream at %s as well', async (how) => {
    await using both = await streamPair({}, { client: { interceptors: [throwing('onEnd')] } });
    const list = both.client.list({ text: 'a b' });
    const error = await failure(how === 'an iteration' ? collect(list) : lastValueFrom(list));
    expect(error.message).toContain(words);
  });

  it('when a stream is not read any more is warned of, and the call ends all the same', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    await using both = await streamPair(endless, { client: { interceptors: [throwing('onEnd')] } });
    for await (const _ of both.client.list({ text: '' })) break;
    expect((await warned).message).toContain(words);
    await vi.waitFor(() => expect(both.server.stats().running).toBe(0));
  });

  it('fails the call of a handler that returns an observable, and the process lives on', async () => {
    await using both = await streamPair(
      { list: () => of({ text: 'a' }, { text: 'b' }) },
      { server: { interceptors: [throwing('onItem')] } },
    );
    expect(await failure(collect(both.client.list({ text: '' })))).toMatchObject({
      reason: Reason.HANDLER_FAILED,
      message: 'the cat sat on it',
    });
  });
});

describe('interceptors of a blocking client', () => {
  /** Its calls are answered by the last interceptor, and leave this thread never. */
  const answered = (interceptors: readonly Interceptor[], answer: Interceptor) =>
    createSyncClientOn(Streams, () => freshTarget(), { interceptors: [...interceptors, answer] });

  it('see values and iterables, each iteration as a call of its own', () => {
    const events: string[] = [];
    const answer: Interceptor = ({ method, request }) =>
      method.kind === 'unary' ? request : [{ text: 'a' }, { text: 'b' }, { text: 'c' }];
    const client = answered([noting(events)], answer);
    expect(client.echo({ text: 'hello' })).toEqual({ text: 'hello' });
    expect(events.splice(0)).toEqual(['client echo', 'client got hello', 'client ended']);
    const list = client.list({ text: '' });
    expect(events).toEqual([]);
    expect([...list]).toHaveLength(3);
    for (const { text } of list) if (text === 'b') break;
    expect(events).toEqual([
      ...['client list', 'client got a', 'client got b', 'client got c', 'client ended'],
      ...['client list', 'client got a', 'client got b', 'client CANCELLED'],
    ]);
  });

  it('can not make them wait for a promise, and are told so', () => {
    const words = "an interceptor returned a promise, which a blocking client can't await";
    const client = answered([], async () => {
      throw new Error('nobody hears of this');
    });
    expect(() => client.echo({ text: '' })).toThrow(`test.Streams/Echo: ${words}`);
    expect(() => [...client.list({ text: '' })]).toThrow(`test.Streams/List: ${words}`);
  });

  it('that throw fail the call with INTERNAL, in words', () => {
    const client = answered([], () => {
      throw new TypeError('the cat sat on it');
    });
    const words = 'an interceptor failed: the cat sat on it';
    expect(() => client.echo({ text: '' })).toThrow(`test.Streams/Echo: ${words}`);
    expect(() => [...client.list({ text: '' })]).toThrow(`test.Streams/List: ${words}`);
  });

  it('that do not return what next gives are told so', () => {
    const client = answered([], () => undefined);
    const words = 'an interceptor failed: ';
    const advice = '; return what next(call) gives';
    expect(() => client.echo({ text: '' })).toThrow(
      `test.Streams/Echo: ${words}it gave undefined where a reply is due${advice}`,
    );
    expect(() => [...client.list({ text: '' })]).toThrow(
      `test.Streams/List: ${words}expected an iterable of replies, found undefined${advice}`,
    );
  });
});

describe('interceptors of a server', () => {
  it('see the context, refuse in words, and add headers and trailers', async () => {
    const refusing: Interceptor = (call, next) => {
      if (call.context === undefined) throw new Error('there is no context');
      if (call.metadata.get('user') !== 'Ada') throw new RpcError('UNAUTHENTICATED', 'who are you?');
      call.context.headers.set('seen', `${call.side} ${call.mode} ${call.context.peer.address !== ''}`);
      return next({ ...call, request: { text: `${(call.request as Text).text}!` } });
    };
    const copying: Interceptor = (call, next) => next({ ...call });
    await using both = await pair({}, { server: { interceptors: [copying, refusing] } });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ code: 'UNAUTHENTICATED' });
    const heard: unknown[] = [];
    const options = {
      metadata: { user: 'Ada' },
      onHeaders: (headers: { get(key: string): unknown }) => heard.push(headers.get('seen')),
    };
    expect(await both.client.echo({ text: 'hello' }, options)).toEqual({ text: 'hello!' });
    expect(heard).toEqual(['server async true']);
  });

  it('that throw anything else fail the call as a handler that does, and the server hears of it', async () => {
    const heard = gate<RpcError>();
    const throwing: Interceptor = () => {
      throw new TypeError('the cat sat on it');
    };
    await using both = await pair({}, { server: { interceptors: [throwing], onError: (error) => heard.open(error) } });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({
      code: 'UNKNOWN',
      message: 'the cat sat on it',
    });
    expect((await heard.opened).cause).toBeInstanceOf(TypeError);
  });
});
