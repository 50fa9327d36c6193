import { describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, Kind, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';
import { encodeFailure } from '../channel/failure-payload.js';
import { encodeHello } from '../channel/hello.js';
import { Code, RpcError } from '../errors/index.js';
import type { CallContext } from '../server/index.js';
import { methodTable, routesOf } from '../server/router.js';
import {
  echoing,
  freshTarget,
  pair,
  rawClient,
  rawServer,
  receiveRaw,
  sendRaw,
  streamPair,
  type TextHandlers,
} from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { rawEnvelope } from '../testing/raw-envelope.js';
import { Texts } from '../testing/text-service.js';
import type { Link } from '../transport/index.js';
import { type CallOptions, createClientOn } from './index.js';

type Work = (request: { readonly text: string }, context: CallContext) => Promise<{ text: string }>;

/** A back server, whose `work` tells its deadline or hangs, and a front server whose `work` is the test's. */
async function twoServers(work: (back: Awaited<ReturnType<typeof pair>>['client']) => Work, server = {}) {
  const begun: CallContext[] = [];
  const hang: TextHandlers['work'] = ({ text }, context) => {
    begun.push(context);
    if (text !== 'hang') return { text: String(context.deadline - performance.now()) };
    return new Promise((_, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason));
    });
  };
  const back = await pair({ work: hang }, { server });
  const front = await pair({ work: work(back.client) });
  return {
    back,
    front,
    begun,
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await back[Symbol.asyncDispose]();
    },
  };
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('A call that a handler makes', () => {
  it.each([
    ['its own, which is the nearer one', 60_000, 500, 500],
    ["its handler's", 500, 60_000, 500],
    ["its handler's, having none of its own", 500, undefined, 500],
    ['its own, its handler having none', undefined, 500, 500],
  ])('has the deadline: %s', async (_, outer, inner, most) => {
    await using two = await twoServers((back) => async (request) => {
      // The second one is made when the handler has long returned its promise.
      await back.echo({ text: '' });
      await new Promise((resolve) => setImmediate(resolve));
      return back.work(request, { timeout: inner });
    });
    const { text } = await two.front.client.work({ text: '' }, { timeout: outer });
    expect(Number(text)).toBeLessThanOrEqual(most);
    expect(Number(text)).toBeGreaterThan(0);
  });

  it('with a policy for each phase has no more time for its reply than its handler has', async () => {
    await using two = await twoServers(
      (back) => (request) => back.work(request, { timeout: { send: 9000, reply: 9000 } }),
    );
    const { text } = await two.front.client.work({ text: '' }, { timeout: 500 });
    expect(Number(text)).toBeLessThanOrEqual(500);
    const immediate = await twoServers((back) => (request) => back.work(request, { timeout: 'immediate' }));
    expect(Number((await immediate.front.client.work({ text: '' }, { timeout: 500 })).text)).toBeLessThanOrEqual(500);
    await immediate[Symbol.asyncDispose]();
  });

  it('is cancelled with the call that its handler works on', async () => {
    await using two = await twoServers((back) => async () => {
      await Promise.resolve();
      return back.work({ text: 'hang' });
    });
    const enough = new AbortController();
    const call = failure(two.front.client.work({ text: '' }, { signal: enough.signal }));
    await expect.poll(() => two.begun.length).toBe(1);
    enough.abort(new Error('enough'));
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => two.begun[0]?.signal.reason).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => two.back.client.$channel.stats.inFlight).toBe(0);
  });

  it('can be made for another call than that, or for none', async () => {
    let inner: RpcError | undefined;
    await using two = await twoServers((back) => async (request, context) => {
      if (request.text === 'none') return back.work({ text: '' }, { parent: null });
      const made = gate();
      // Where nobody could tell for whom it is.
      queueMicrotaskForNobody(async () => {
        inner = (await failure(back.work({ text: 'hang' }, { parent: context }))) as RpcError;
        made.open();
      });
      await made.opened;
      throw inner;
    });
    expect((await two.front.client.work({ text: 'none' }, { timeout: 5000 })).text).toBe('Infinity');
    const error = await failure(two.front.client.work({ text: 'other' }, { timeout: 100 }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => inner).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(inner?.message).toContain('test.Texts/Work, for which it was made');
  });

  it('is made for it also by a generator that streams, however late', async () => {
    await using back = await pair({
      work: (_request, context) => ({ text: String(context.deadline - performance.now()) }),
    });
    await using front = await streamPair({
      async *list() {
        for (let i = 0; i < 3; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          yield await back.client.work({ text: '' });
        }
      },
    });
    const lefts: number[] = [];
    for await (const { text } of front.client.list({ text: '' }, { timeout: 5000 })) lefts.push(Number(text));
    expect(lefts).toHaveLength(3);
    for (const left of lefts) expect(left).toBeLessThanOrEqual(5001);
  });

  it('after that one is answered has nothing to do with it', async () => {
    const left: string[] = [];
    await using two = await twoServers((back) => (request) => {
      setTimeout(() => void back.work({ text: '' }).then(({ text }) => left.push(text)), 50);
      return Promise.resolve(request);
    });
    await two.front.client.work({ text: '' }, { timeout: 20 });
    await expect.poll(() => left).toEqual(['Infinity']);
  });

  it('is not sent when there is no time left for it, and says whose deadline that was', async () => {
    const late: unknown[] = [];
    await using two = await twoServers((back) => async (request, context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      late.push(await failure(back.work(request)));
      late.push(await failure(back.work(request, { timeout: 'immediate' })));
      return request;
    });
    await two.back.client.echo({ text: '' });
    expect(await failure(two.front.client.work({ text: '' }, { timeout: 20 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await expect.poll(() => late.length).toBe(2);
    for (const error of late) expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
    expect((late[0] as RpcError).message).toBe(
      'test.Texts/Work: the deadline of test.Texts/Work, for which it was made, passed',
    );
    expect(two.begun).toEqual([]);
  });

  it('is not made for a call that has been cancelled', async () => {
    const late: unknown[] = [];
    await using two = await twoServers((back) => async (request, context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      late.push(await failure(back.work(request)));
      return request;
    });
    const enough = new AbortController();
    const call = failure(two.front.client.work({ text: '' }, { signal: enough.signal }));
    await expect.poll(() => two.front.server.stats().running).toBe(1);
    enough.abort();
    await call;
    await expect.poll(() => late).toMatchObject([{ code: 'CANCELLED', reason: 'ABORTED_BY_CALLER' }]);
    expect((late[0] as RpcError).message).toMatch(
      /^test.Texts\/Work: cancelled with test.Texts\/Work, for which it was made: /,
    );
    expect(two.begun).toEqual([]);
  });
});

describe('A call whose deadline passes', () => {
  it('while it waits for a handler is never started', async () => {
    const all = gate();
    const started: string[] = [];
    await using both = await pair(
      {
        work: async ({ text }) => {
          started.push(text);
          await all.opened;
          // The event loop was busy, so that nobody has heard the deadline of what waits.
          if (text === 'first') block(2100);
          return { text };
        },
      },
      { server: { maxConcurrentCalls: 1 } },
    );
    const first = both.client.work({ text: 'first' });
    const second = failure(both.client.work({ text: 'second' }, { timeout: 2000 }));
    await expect.poll(() => both.server.stats().queued).toBe(1);
    all.open();
    await first;
    expect(await second).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(started).toEqual(['first']);
    expect(both.server.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it.each([
    ['after', 40, 60, 'DEADLINE_EXCEEDED'],
    ['before', 10_000, 0, 'CANCELLED'],
  ])('is told by its caller who aborts %s that as what came first', async (_, timeout, blockMs, code) => {
    await using both = await pair({ work: () => new Promise(() => undefined) });
    const enough = new AbortController();
    const call = failure(both.client.work({ text: '' }, { timeout, signal: enough.signal }));
    await expect.poll(() => both.server.stats().running).toBe(1);
    block(blockMs);
    enough.abort();
    expect(await call).toMatchObject({ code });
  });

  it.each([
    ['after', 40, 60, 'DEADLINE_EXCEEDED'],
    ['before', 10_000, 0, 'CANCELLED'],
  ])('is told by a callee who answers CANCELLED %s that as what came first', async (_, timeout, blockMs, code) => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = failure(client.echo({ text: '' }, { timeout } satisfies CallOptions));
    const server = await link;
    const methods = methodTable(routesOf(Texts, echoing as never, []));
    sendKind(server, Kind.HELLO, 0, 0, encodeHello({ maxMessageBytes: 4096, maxMetadataBytes: 8192, methods }));
    await receiveRaw(server);
    const request = await receiveRaw(server);
    block(blockMs);
    const cancelled = new RpcError('CANCELLED', 'the handler gave up');
    sendKind(server, Kind.REPLY, cancelled.status, request!.readUInt32LE(16), encodeFailure(cancelled, 1000));
    expect(await call).toMatchObject({ code });
    await client.$close();
    server.abort();
    await listener.close();
  });

  it.each([
    ['after', 40, 60, 'DEADLINE_EXCEEDED'],
    ['before', 10_000, 0, 'CANCELLED'],
  ])('is told by a handler that throws CANCELLED %s that as what came first', async (_, timeout, blockMs, code) => {
    await using both = await pair({
      work: () => {
        block(blockMs);
        throw new RpcError('CANCELLED', 'the handler gave up');
      },
    });
    await both.client.echo({ text: '' });
    expect(await failure(both.client.work({ text: '' }, { timeout }))).toMatchObject({ code });
  });

  it.each([
    ['passes', () => ({ timeout: 400 }), Code.DEADLINE_EXCEEDED],
    ['does not pass, since it is aborted', () => ({ signal: AbortSignal.timeout(400) }), 0],
  ])('tells its callee which it was when it gives up: its deadline %s', async (_, options, status) => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = failure(client.echo({ text: '' }, options()));
    const server = await link;
    const methods = methodTable(routesOf(Texts, echoing as never, []));
    sendKind(server, Kind.HELLO, 0, 0, encodeHello({ maxMessageBytes: 4096, maxMetadataBytes: 8192, methods }));
    const [, , cancel] = [await receiveRaw(server), await receiveRaw(server), await receiveRaw(server)];
    expect([cancel?.readUInt8(3), cancel?.readUInt8(6)]).toEqual([Kind.CANCEL, status]);
    await call;
    await client.$close();
    server.abort();
    await listener.close();
  });

  it.each([
    [Code.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
    [0, 'CANCELLED'],
  ])('is heard of by its handler from its caller, whatever its own clock says: status %i', async (status, code) => {
    const begun = gate<CallContext>();
    await using both = await pair({
      work: (_request, context) => {
        begun.open(context);
        return new Promise<never>(() => undefined);
      },
    });
    const peer = await rawClient(both.target);
    sendRaw(
      peer,
      rawEnvelope(Kind.HELLO, '{"maxMessageBytes":4096,"methods":[],"schemas":{"roots":[],"messages":[]}}'),
    );
    sendRaw(peer, rawEnvelope(Kind.REQUEST, '', { methodId: 1 }));
    const { signal } = await begun.opened;
    sendRaw(peer, rawEnvelope(Kind.CANCEL, '', { status }));
    await expect.poll(() => signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code });
    peer.abort();
  });

  it("makes the calls fail with it to which its handler's own signal is given", async () => {
    let inner: unknown;
    await using two = await twoServers((back) => async (request, { signal }) => {
      inner = await failure(back.work({ text: 'hang' }, { signal, parent: null }));
      return request;
    });
    expect(await failure(two.front.client.work({ text: '' }, { timeout: 30 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await expect.poll(() => inner).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
  });
});

/** Work that no handler is known to do. */
function queueMicrotaskForNobody(work: () => Promise<void>): void {
  strangers.push(work);
}
const strangers: (() => Promise<void>)[] = [];
setInterval(() => {
  for (const work of strangers.splice(0)) void work();
}, 1).unref();

function sendKind(link: Link, kind: number, status: number, callId: number, payload: Uint8Array): void {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + payload.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeEnvelope(view, 0, kind, 0, status, payload.length, callId, 0, NO_DEADLINE);
  bytes.set(payload, ENVELOPE_BYTES);
  sendRaw(link, bytes);
}
