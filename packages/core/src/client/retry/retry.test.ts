import { describe, expect, it, vi } from 'vitest';
import { Reason, RpcError } from '../../errors/index.js';
import { createServerOn, type Server } from '../../server/index.js';
import { echoing, freshTarget, pair, type StreamHandlers, streaming, type TextHandlers } from '../../testing/pair.js';
import { failure, gate } from '../../testing/promises.js';
import { Streams, Texts } from '../../testing/text-service.js';
import { type ClientOptions, createClientOn, type RetryPolicy, type Target } from '../index.js';

/** test.Texts, with methods that may be called twice. */
const SafeTexts = {
  ...Texts,
  methods: {
    ...Texts.methods,
    echo: { ...Texts.methods.echo, idempotent: true },
    work: { ...Texts.methods.work, idempotent: true },
  },
};

const quick: RetryPolicy = { initialBackoffMs: 1, maxBackoffMs: 2 };

async function serve(target: Target, handlers: Partial<TextHandlers> = {}): Promise<Server> {
  const server = createServerOn(() => [target]);
  server.add(Texts, { ...echoing, ...handlers });
  await server.listen();
  return server;
}

/** A pair whose handler fails so many times with that code before it answers. */
async function failing(times: number, code: 'UNAVAILABLE' | 'INTERNAL' = 'UNAVAILABLE', client: ClientOptions = {}) {
  let runs = 0;
  const both = await pair({
    echo: (request) => {
      if (++runs <= times) throw new RpcError(code, `failure ${runs}`);
      return request;
    },
  });
  const safe = createClientOn(SafeTexts, () => both.target, { retry: quick, ...client });
  const plain = createClientOn(Texts, () => both.target, { retry: quick, ...client });
  return {
    safe,
    plain,
    runs: () => runs,
    async [Symbol.asyncDispose]() {
      await safe.$close();
      await plain.$close();
      await both[Symbol.asyncDispose]();
    },
  };
}

describe('A policy of retries', () => {
  it('makes a call of an idempotent method again until it succeeds.', async () => {
    await using stage = await failing(3);
    expect(await stage.safe.echo({ text: 'at last' })).toEqual({ text: 'at last' });
    expect(stage.runs()).toBe(4);
    expect(stage.safe.$channel.stats).toMatchObject({ inFlight: 0, lateReplies: 0 });
  });

  it('makes so many attempts and no more; the last failure is the call’s.', async () => {
    await using stage = await failing(100, 'UNAVAILABLE', { retry: { ...quick, maxAttempts: 3 } });
    expect(await failure(stage.safe.echo({ text: '' }))).toMatchObject({ code: 'UNAVAILABLE', message: 'failure 3' });
    expect(stage.runs()).toBe(3);
  });

  it('leaves a method alone that is not idempotent, once a handler has had the call.', async () => {
    await using stage = await failing(1);
    expect(await failure(stage.plain.echo({ text: '' }))).toMatchObject({ message: 'failure 1' });
    expect(stage.runs()).toBe(1);
  });

  it('heeds the codes that it names.', async () => {
    await using stage = await failing(1, 'INTERNAL');
    expect(await failure(stage.safe.echo({ text: '' }))).toMatchObject({ code: 'INTERNAL' });
    await using other = await failing(1, 'INTERNAL', { retry: { ...quick, retryableStatusCodes: ['INTERNAL'] } });
    expect(await other.safe.echo({ text: 'twice' })).toEqual({ text: 'twice' });
  });

  it('is the call’s, else the client’s; there is none by default.', async () => {
    await using stage = await failing(1);
    expect(await failure(stage.safe.echo({ text: '' }, { retry: false }))).toMatchObject({ message: 'failure 1' });
    await using none = await failing(2, 'UNAVAILABLE', { retry: undefined });
    expect(await failure(none.safe.echo({ text: '' }))).toMatchObject({ message: 'failure 1' });
    expect(await none.safe.echo({ text: 'again' }, { retry: quick })).toEqual({ text: 'again' });
  });

  it('is bounded by the deadline of the call: an attempt that would come too late is not waited for.', async () => {
    const slow = { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 };
    await using stage = await failing(100, 'UNAVAILABLE', { retry: slow });
    expect(await failure(stage.safe.echo({ text: '' }, { timeout: 60_000 }))).toMatchObject({ message: 'failure 1' });
    expect(stage.runs()).toBe(1);
  });

  it('gives up a wait when the call is aborted, and when the client is closed.', async () => {
    const slow = { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 };
    const failed = gate();
    await using both = await pair({
      echo: () => {
        failed.open();
        throw new RpcError('UNAVAILABLE', 'not now');
      },
    });
    const client = createClientOn(SafeTexts, () => both.target, { retry: slow });
    const stop = new AbortController();
    const aborted = failure(client.echo({ text: '' }, { signal: stop.signal }));
    const closed = failure(client.echo({ text: '' }));
    await failed.opened;
    stop.abort();
    expect(await aborted).toMatchObject({ code: 'CANCELLED', reason: Reason.ABORTED_BY_CALLER });
    expect(client.$channel.stats.inFlight).toBe(1);
    await client.$close();
    expect(await closed).toMatchObject({ code: 'CANCELLED', reason: Reason.CLOSED });
  });

  it('stops while too many calls fail.', async () => {
    const throttling = { maxTokens: 4, tokenRatio: 0.1 };
    await using stage = await failing(100, 'UNAVAILABLE', { retry: { ...quick, throttling } });
    await failure(stage.safe.echo({ text: '' }));
    // The second failure left half of the tokens, which is not more than half.
    expect(stage.runs()).toBe(2);
    await failure(stage.safe.echo({ text: '' }));
    expect(stage.runs()).toBe(3);
  });

  it('waits as long as the server asks for, instead of what it says itself.', async () => {
    let runs = 0;
    await using both = await pair({
      echo: (request) => {
        if (++runs === 1) throw new RpcError('UNAVAILABLE', 'in a moment', { retryAfterMs: 1 });
        return request;
      },
    });
    const slow = { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 };
    await using client = createClientOn(SafeTexts, () => both.target, { retry: slow });
    expect(await client.echo({ text: 'soon' })).toEqual({ text: 'soon' });
  });

  it('tells the caller nothing of the attempts that failed, and the handler their number.', async () => {
    const seen: number[] = [];
    await using both = await pair({
      echo: (request, context) => {
        seen.push(context.previousAttempts);
        context.trailers.set('run', String(seen.length));
        expect(context.metadata.get('callgate-previous-attempts')).toBe(undefined);
        expect(context.metadata.get('user')).toBe('Ada');
        if (seen.length < 3) throw new RpcError('UNAVAILABLE', 'not yet');
        return request;
      },
    });
    await using client = createClientOn(SafeTexts, () => both.target, { retry: quick });
    const told: unknown[] = [];
    await client.echo(
      { text: '' },
      { metadata: { user: 'Ada' }, onTrailers: (trailers) => told.push(trailers.get('run')) },
    );
    expect(seen).toEqual([0, 1, 2]);
    expect(told).toEqual(['3']);
  });

  it('leaves immediate calls alone.', async () => {
    await using stage = await failing(1);
    const error = await failure(stage.safe.echo({ text: '' }, { timeout: 'immediate' }));
    expect(error.code).toBe('UNAVAILABLE');
    expect(stage.runs()).toBeLessThan(2);
  });

  it('waits for a server that comes back while it tries.', async () => {
    const target = freshTarget();
    const client = createClientOn(SafeTexts, () => target, { retry: { ...quick, maxAttempts: 5 }, waitForReady: true });
    const hung = gate();
    const first = await serve(target, {
      work: () => {
        hung.open();
        return new Promise<never>(() => undefined);
      },
    });
    const call = client.work({ text: 'twice' });
    await hung.opened;
    await first.close({ timeoutMs: 0 });
    const second = await serve(target);
    expect(await call).toEqual({ text: 'twice' });
    await client.$close();
    await second.close();
  });
});

describe('Without a policy', () => {
  it('a call that a closing server refuses goes to the next server at the address, whatever its method.', async () => {
    const target = freshTarget();
    const client = createClientOn(Texts, () => target);
    const busy = gate();
    const first = await serve(target, { work: (request) => busy.opened.then(() => request) });
    const running = client.work({ text: 'running' });
    await client.echo({ text: 'so it runs' });
    const closed = first.close();
    // It listens no more, though it still works.
    const second = await serve(target, { echo: () => ({ text: 'the second' }) });
    expect(await client.echo({ text: 'the first' })).toEqual({ text: 'the second' });
    busy.open();
    expect(await running).toEqual({ text: 'running' });
    await closed;
    expect(client.$channel.state).toBe('ready');
    await client.$close();
    await second.close();
  });

  it('a stream that a closing server refuses is read from the next one.', async () => {
    const target = freshTarget();
    await using client = createClientOn(Streams, () => target);
    const busy = gate();
    const listen = async (list: StreamHandlers['list']): Promise<Server> => {
      const server = createServerOn(() => [target]);
      server.add(Streams, { ...streaming, list });
      await server.listen();
      return server;
    };
    const first = await listen(async () => {
      await busy.opened;
      return [{ text: 'the first' }];
    });
    const texts = async (): Promise<string[]> => {
      const got: string[] = [];
      for await (const { text } of client.list({ text: '' })) got.push(text);
      return got;
    };
    const running = texts();
    await vi.waitFor(() => expect(first.stats().running).toBe(1));
    const closed = first.close();
    const second = await listen(() => [{ text: 'the' }, { text: 'second' }]);
    expect(await texts()).toEqual(['the', 'second']);
    busy.open();
    expect(await running).toEqual(['the first']);
    await closed;
    await client.$close();
    await second.close();
  });

  it('a call that a server has not even read when it closes goes to the next one, and runs once.', async () => {
    const target = freshTarget();
    const client = createClientOn(Texts, () => target, { waitForReady: true });
    let runs = 0;
    const echo: TextHandlers['echo'] = (request) => {
      runs++;
      return request;
    };
    const first = await serve(target, { echo });
    await client.echo({ text: 'connected' });
    const call = client.echo({ text: 'unread' });
    // In the same turn: the loop of the server, which is in this thread, has not run in between.
    const closed = first.close({ timeoutMs: 0 });
    await closed;
    const second = await serve(target, { echo });
    expect(await call).toEqual({ text: 'unread' });
    expect(runs).toBe(2);
    await client.$close();
    await second.close();
  });

  it('a call that a closing server refuses, and no other takes, fails with the refusal.', async () => {
    const busy = gate();
    await using both = await pair({ work: (request) => busy.opened.then(() => request) });
    const running = both.client.work({ text: 'running' });
    await both.client.echo({ text: 'so it runs' });
    const closed = both.server.close();
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({
      code: 'UNAVAILABLE',
      reason: Reason.DRAINING,
      message: 'test.Texts/Echo: the server is shutting down',
    });
    busy.open();
    await running;
    await closed;
  });

  it('and with false, not even that is made again.', async () => {
    const target = freshTarget();
    const client = createClientOn(Texts, () => target, { retry: false });
    const busy = gate();
    const first = await serve(target, { work: (request) => busy.opened.then(() => request) });
    const running = client.work({ text: 'running' });
    await client.echo({ text: 'so it runs' });
    const closed = first.close();
    const second = await serve(target);
    expect(await failure(client.echo({ text: '' }))).toMatchObject({ reason: Reason.DRAINING });
    busy.open();
    await running;
    await closed;
    await client.$close();
    await second.close();
  });
});
