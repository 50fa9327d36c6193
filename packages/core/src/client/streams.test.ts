import { firstValueFrom, from, lastValueFrom, map, Observable, of, Subject, take, throwError, toArray } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { withOverflow } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import { type StreamPair, streamPair } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import type { Text } from '../testing/text-service.js';

const texts = (...all: string[]): Text[] => all.map((text) => ({ text }));

async function collect(stream: AsyncIterable<Text>): Promise<string[]> {
  const got: string[] = [];
  for await (const { text } of stream) got.push(text);
  return got;
}

/** Neither side knows of any call any more. */
async function nothingLeft({ client, server }: StreamPair): Promise<void> {
  await vi.waitFor(() => {
    expect(client.$channel.stats.inFlight).toBe(0);
    expect(server.stats()).toMatchObject({ running: 0, queued: 0 });
  });
}

function* endless(): Generator<Text> {
  for (let i = 0; ; i++) yield { text: `${i}` };
}

describe('a stream of replies', () => {
  it('is read by iterating and by subscribing, each time with a call of its own', async () => {
    let calls = 0;
    await using both = await streamPair({
      list: () => {
        calls++;
        return texts('one', 'two');
      },
    });
    const stream = both.client.list({ text: '' });
    expect(calls).toBe(0);
    expect(await collect(stream)).toEqual(['one', 'two']);
    expect(
      await lastValueFrom(
        stream.pipe(
          map(({ text }) => text),
          toArray(),
        ),
      ),
    ).toEqual(['one', 'two']);
    expect(calls).toBe(2);
    await nothingLeft(both);
  });

  it.each<[string, () => ReturnType<typeof giving>]>([
    ['an array', () => texts('a', 'b')],
    ['a promise of an array', async () => texts('a', 'b')],
    ['an async generator', () => later()],
    ['an observable', () => of(...texts('a', 'b'))],
    ['an observable with a policy', () => withOverflow(of(...texts('a', 'b')), { policy: 'drop-oldest' })],
  ])('is given by a handler as %s', async (_name, list) => {
    await using both = await streamPair({ list });
    expect(await collect(both.client.list({ text: '' }))).toEqual(['a', 'b']);
    await nothingLeft(both);
  });

  it('may be empty', async () => {
    await using both = await streamPair();
    expect(await collect(both.client.list({ text: '' }))).toEqual([]);
  });

  it('goes with a hundred others, each in order', async () => {
    await using both = await streamPair();
    const all = Array.from({ length: 100 }, (_, i) => Array.from({ length: 50 }, (_, k) => `${i}.${k}`));
    const got = await Promise.all(all.map((words) => collect(both.client.list({ text: words.join(' ') }))));
    expect(got).toEqual(all);
  });

  it('arrives as far as it went before its handler failed, and then the failure', async () => {
    await using both = await streamPair({
      *list() {
        yield* texts('a', 'b');
        throw new RpcError('NOT_FOUND', 'no more of them', { reason: 'NO_MORE' });
      },
    });
    const got: string[] = [];
    const error = await failure(
      (async () => {
        for await (const { text } of both.client.list({ text: '' })) got.push(text);
      })(),
    );
    expect(got).toEqual(['a', 'b']);
    expect(error).toMatchObject({ code: 'NOT_FOUND', reason: 'NO_MORE', message: 'no more of them' });
    await nothingLeft(both);
  });

  it('fails with what its observable fails with', async () => {
    await using both = await streamPair({ list: () => throwError(() => new TypeError('the cat sat on it')) });
    const error = await failure(collect(both.client.list({ text: '' })));
    expect(error).toMatchObject({ code: 'UNKNOWN', reason: Reason.HANDLER_FAILED, message: 'the cat sat on it' });
    expect(both.heard).toHaveLength(1);
  });

  it('fails when its handler gives none', async () => {
    await using both = await streamPair({ list: () => 7 as never });
    const error = await failure(collect(both.client.list({ text: '' })));
    expect(error.message).toBe(
      'test.Streams/List: its handler is to give a stream (an iterable, an async iterable or an observable), and gave number',
    );
    await nothingLeft(both);
  });

  it('fails at a message that can not be sent or read, and its generator is stopped', async () => {
    let finished = 0;
    await using both = await streamPair({
      *list({ text }) {
        try {
          yield { text: 'good' };
          yield text === 'unsendable' ? { text: 7 as never } : { text: '!' };
          yield* endless();
        } finally {
          finished++;
        }
      },
    });
    const unsendable = await failure(collect(both.client.list({ text: 'unsendable' })));
    expect(unsendable).toMatchObject({ code: 'INTERNAL', reason: Reason.UNENCODABLE });
    expect(unsendable.message).toContain("test.Streams/List: the handler's reply can't be sent: test.Text.text");
    const unreadable = await failure(collect(both.client.list({ text: '' })));
    expect(unreadable).toMatchObject({ code: 'INTERNAL', reason: Reason.UNDECODABLE });
    expect(unreadable.message).toContain("test.Streams/List: a reply of the stream can't be decoded");
    await nothingLeft(both);
    expect(finished).toBe(2);
  });
});

describe('a stream of requests', () => {
  it.each<[string, () => ReturnType<typeof giving>]>([
    ['an array', () => texts('a', 'b')],
    ['a generator', () => texts('a', 'b').values()],
    ['an async generator', () => later()],
    ['an observable', () => from(texts('a', 'b'))],
  ])('comes from %s', async (_name, make) => {
    await using both = await streamPair();
    expect(await both.client.join(make() as Text[])).toEqual({ text: 'a b' });
    expect(await collect(both.client.chat(make() as Text[]))).toEqual(['a!', 'b!']);
    await nothingLeft(both);
  });

  it('is read by its handler as an observable, too', async () => {
    await using both = await streamPair({
      join: async (requests) => ({
        text: (await lastValueFrom(requests.pipe(toArray()))).map((r) => r.text).join('+'),
      }),
      chat: (requests) => requests.pipe(map(({ text }) => ({ text: text.toUpperCase() }))),
    });
    expect(await both.client.join(texts('a', 'b'))).toEqual({ text: 'a+b' });
    expect(await collect(both.client.chat(texts('a', 'b')))).toEqual(['A', 'B']);
  });

  it('can be read once, and is told so', async () => {
    await using both = await streamPair({
      async join(requests) {
        await firstValueFrom(requests);
        return { text: (await failure(firstValueFrom(requests))).message };
      },
    });
    expect((await both.client.join(texts('a', 'b'))).text).toContain("a call's stream of requests can be read once");
  });

  it('is stopped when its handler has answered', async () => {
    let finished = false;
    function* source() {
      try {
        yield* endless();
      } finally {
        finished = true;
      }
    }
    await using both = await streamPair({ join: async (requests) => firstValueFrom(requests) });
    expect(await both.client.join(source())).toEqual({ text: '0' });
    expect(finished).toBe(true);
    await nothingLeft(both);
  });

  it('that fails is what the call fails with, and its handler sees it cancelled', async () => {
    const seen: unknown[] = [];
    await using both = await streamPair({
      async join(requests) {
        try {
          for await (const request of requests) seen.push(request.text);
        } catch (error) {
          seen.push((error as RpcError).code);
        }
        return { text: '' };
      },
    });
    const failing = async function* (): AsyncGenerator<Text> {
      yield { text: 'a' };
      throw new TypeError('out of words');
    };
    const error = await failure(both.client.join(failing()));
    expect(error).toMatchObject({ code: 'CANCELLED', reason: Reason.SOURCE_FAILED });
    expect(error.message).toBe('test.Streams/Join: what gives its requests failed: out of words');
    expect(error.cause).toBeInstanceOf(TypeError);
    await vi.waitFor(() => expect(seen).toEqual(['a', 'CANCELLED']));
    await nothingLeft(both);
  });

  it('that is none is refused at once', async () => {
    await using both = await streamPair();
    const error = await failure(both.client.join(7 as never));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(error.message).toContain('expected an iterable, an async iterable or an observable, found number');
  });

  it('with a message that the callee can not read fails, with the reason', async () => {
    await using both = await streamPair();
    const error = await failure(both.client.join(texts('a', '!', 'b')));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: Reason.UNDECODABLE });
    await nothingLeft(both);
  });
});

describe('a conversation', () => {
  it('goes to and fro, each side waiting for the other', async () => {
    await using both = await streamPair();
    const questions = new Subject<Text>();
    const replies = both.client.chat(questions)[Symbol.asyncIterator]();
    for (const word of ['ping', 'pong', 'ping']) {
      const next = replies.next();
      // The stub subscribes when the call has begun.
      await vi.waitFor(() => expect(questions.observed).toBe(true));
      questions.next({ text: word });
      expect(await next).toEqual({ done: false, value: { text: `${word}!` } });
    }
    questions.complete();
    expect(await replies.next()).toEqual({ done: true, value: undefined });
    await nothingLeft(both);
  });
});

describe('a stream that is given up', () => {
  /** How handlers were stopped. */
  async function watched() {
    const events: string[] = [];
    const began = gate();
    const both = await streamPair({
      async *list(_request, { signal }) {
        signal.addEventListener('abort', () => events.push((signal.reason as RpcError).code));
        began.open();
        try {
          yield* endless();
        } finally {
          events.push('finally');
        }
      },
    });
    return { both, events, began: began.opened };
  }

  it.each<[string, (pair: StreamPair) => Promise<unknown>]>([
    [
      'by break',
      async ({ client }) => {
        for await (const _ of client.list({ text: '' })) break;
      },
    ],
    [
      'by an exception in the loop',
      async ({ client }) => {
        const loop = async () => {
          for await (const _ of client.list({ text: '' })) throw new RpcError('ABORTED', 'enough');
        };
        expect(await failure(loop())).toMatchObject({ code: 'ABORTED' });
      },
    ],
    ['by take', ({ client }) => lastValueFrom(client.list({ text: '' }).pipe(take(3)))],
    [
      'by unsubscribing',
      ({ client }) =>
        new Promise<void>((resolve) => {
          const subscription = client.list({ text: '' }).subscribe(() => {
            subscription.unsubscribe();
            resolve();
          });
        }),
    ],
    [
      'by a signal',
      async ({ client }) => {
        const enough = new AbortController();
        const loop = async () => {
          for await (const _ of client.list({ text: '' }, { signal: enough.signal })) enough.abort(new Error('enough'));
        };
        expect(await failure(loop())).toMatchObject({ code: 'CANCELLED', reason: Reason.ABORTED_BY_CALLER });
      },
    ],
  ])('%s reaches the handler, whose generator ends', async (_name, giveUp) => {
    const { both, events } = await watched();
    await using pair = both;
    await giveUp(pair);
    await vi.waitFor(() => expect(events).toEqual(['CANCELLED', 'finally']));
    await nothingLeft(pair);
    expect(await pair.client.echo({ text: 'still there' })).toEqual({ text: 'still there' });
  });

  it('by its deadline fails with DEADLINE_EXCEEDED, though replies came, and the handler hears of it', async () => {
    const { both, events } = await watched();
    await using pair = both;
    const loop = async () => {
      for await (const _ of pair.client.list({ text: '' }, { timeout: 30 })) await new Promise((r) => setTimeout(r, 1));
    };
    expect(await failure(loop())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await vi.waitFor(() => expect(events).toContain('finally'));
    await nothingLeft(pair);
  });

  it('by closing the client fails with CANCELLED, and the handler hears of it', async () => {
    const { both, events, began } = await watched();
    await using pair = both;
    const reading = failure(collect(pair.client.list({ text: '' })));
    await began;
    await pair.client.$close();
    expect(await reading).toMatchObject({ code: 'CANCELLED', reason: Reason.CLOSED });
    await vi.waitFor(() => expect(events).toContain('finally'));
    await nothingLeft(pair);
  });

  it('by a server that shuts down fails with UNAVAILABLE', async () => {
    const { both, events, began } = await watched();
    await using pair = both;
    const reading = failure(collect(pair.client.list({ text: '' })));
    await began;
    await pair.server.close({ timeoutMs: 0 });
    expect(await reading).toMatchObject({ code: 'UNAVAILABLE' });
    await vi.waitFor(() => expect(events).toContain('finally'));
  });

  it('unsubscribes the observable that its handler gave', async () => {
    const ended = gate();
    await using both = await streamPair({
      list: () =>
        new Observable<Text>((subscriber) => {
          subscriber.next({ text: 'first' });
          return ended.open;
        }),
    });
    expect(await firstValueFrom(both.client.list({ text: '' }))).toEqual({ text: 'first' });
    await ended.opened;
    await nothingLeft(both);
  });

  it('says what its generator throws when it is stopped to the server alone', async () => {
    await using both = await streamPair({
      *list() {
        try {
          yield* endless();
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: that is the case to be tested
          throw new Error('can not even stop');
        }
      },
    });
    for await (const _ of both.client.list({ text: '' })) break;
    await nothingLeft(both);
    expect(both.heard.map(({ message }) => message)).toEqual(['can not even stop']);
  });
});

async function* later(): AsyncGenerator<Text> {
  for (const text of texts('a', 'b')) {
    await new Promise((resolve) => setImmediate(resolve));
    yield text;
  }
}

/** For its type alone: whatever gives a stream of texts. */
declare function giving(): ReturnType<import('../testing/pair.js').StreamHandlers['list']>;
