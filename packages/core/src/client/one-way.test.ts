import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { defineMethod, defineService } from '../codec/service.js';
import { RpcError } from '../errors/index.js';
import { createServerOn } from '../server/index.js';
import { echoing, freshTarget, rawServer } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { TextMessage, Texts } from '../testing/text-service.js';
import type { Link } from '../transport/index.js';
import { type Client, createClientOn, createSyncClientOn, type SyncClient } from './index.js';
import type { Order, Outcome } from './testing/one-way.worker.js';

const sending = { direction: 'send' } as const;
const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).reverse()) await clear();
});

/** What a one-way handler returns is of no interest, though the plain types of test.Texts do not know it. */
const noted = (_: unknown) => ({ text: '' });

/** A server that only receives, and a client that only sends, in this thread. */
async function oneWayPair(note: (text: string) => unknown = () => undefined) {
  const target = freshTarget({ ringBytes: 4096, maxMessageBytes: 1024 });
  const errors: RpcError[] = [];
  const listening = { ...target, transportOptions: { ...target.transportOptions, direction: 'receive' as const } };
  const server = createServerOn(() => [listening], { onError: (error) => errors.push(error) });
  server.add(Texts, { ...echoing, note: ({ text }) => noted(note(text)) });
  await server.listen();
  const client = createClientOn(Texts, () => target, sending);
  clearing.push(
    () => server.close({ timeoutMs: 0 }),
    () => client.$close(),
  );
  return { target, server, client, errors };
}

describe('A client whose channel only sends', () => {
  it('makes one-way calls, in order.', async () => {
    const seen: string[] = [];
    const all = gate();
    const { client } = await oneWayPair((text) => {
      seen.push(text);
      if (seen.length === 1000) all.open();
    });
    const texts = Array.from({ length: 1000 }, (_, i) => `note ${i}`);
    for (const text of texts) await client.note({ text });
    await all.opened;
    expect(seen).toEqual(texts);
    expect(client.$channel.direction).toBe('send');
    expect(client.$channel.stats.inFlight).toBe(0);
  });

  it('waits for room when the link is full, and loses nothing.', async () => {
    const seen: string[] = [];
    const all = gate();
    const { client } = await oneWayPair((text) => {
      seen.push(text.slice(0, 4));
      if (seen.length === 200) all.open();
    });
    const texts = Array.from({ length: 200 }, (_, i) => String(i).padStart(4, '0').padEnd(500, 'x'));
    await Promise.all(texts.map((text) => client.note({ text })));
    await all.opened;
    expect(seen).toEqual(texts.map((text) => text.slice(0, 4)));
  });

  it('has no two-way methods: for the types, in lists, and for who calls them all the same.', async () => {
    const { client } = await oneWayPair();
    expect(Object.keys(client)).toEqual(['note', '$channel', '$close']);
    const stranger = client as unknown as Client<typeof Texts>;
    expect(() => stranger.echo({ text: 'hello?' })).toThrow(
      "test.Texts/Echo: it is answered, and this client's channel only sends (direction: send)",
    );
  });

  it('fails when the server listens for duplex channels, and says what to change.', async () => {
    const target = freshTarget();
    const server = createServerOn(() => [target], { onError: () => undefined });
    await server.add(Texts, echoing).listen();
    clearing.push(() => server.close({ timeoutMs: 0 }));
    const error = await failure(createClientOn(Texts, () => target, sending).note({ text: 'hello?' }));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toContain('opens links with direction duplex; connect with direction duplex, not send');
  });

  it('fails an immediate call when the link has no room, and begins nothing.', async () => {
    const target = freshTarget({ ringBytes: 4096, maxMessageBytes: 1024 });
    const listening = { ...target, transportOptions: { ...target.transportOptions, direction: 'receive' as const } };
    const { listener } = await rawServer(listening);
    const client = createClientOn(Texts, () => target, sending);
    clearing.push(
      () => listener.close(),
      () => client.$close(),
    );
    const text = 'x'.repeat(500);
    let sent = 0;
    let error: RpcError | undefined;
    while (error === undefined && sent < 100) {
      await client.note({ text }, { timeout: 'immediate' }).then(
        () => sent++,
        (thrown: RpcError) => {
          error = thrown;
        },
      );
    }
    expect(sent).toBe(7);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'NOT_READY' });
    const late = await failure(client.note({ text }, { timeout: 30 }));
    expect(late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // Nothing was half-sent, and nothing is taken back of what the link has.
    expect(client.$channel.stats.inFlight).toBe(0);
  });

  it('notices the end of its server, and connects anew.', async () => {
    const { target, server, client } = await oneWayPair();
    await client.note({ text: 'one' });
    await server.close({ timeoutMs: 0 });
    while (client.$channel.lastEnd === undefined) await setTimeout(1);
    expect(client.$channel.lastEnd.by).toBe('peer');
    const heard = gate<string>();
    const listening = { ...target, transportOptions: { ...target.transportOptions, direction: 'receive' as const } };
    const next = createServerOn(() => [listening]);
    await next.add(Texts, { ...echoing, note: ({ text }) => noted(heard.open(text)) }).listen();
    clearing.push(() => next.close({ timeoutMs: 0 }));
    await client.note({ text: 'two' });
    expect(await heard.opened).toBe('two');
  });

  it('is refused on a transport that has no such links, naming the capability.', async () => {
    const target = freshTarget();
    const capabilities = { ...target.transport.capabilities, directions: ['duplex'] as const };
    const plain = { ...target, transport: { ...target.transport, capabilities } };
    const error = await failure(createClientOn(Texts, () => plain, sending).note({ text: '' }));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toMatch(/can't connect with direction send; it can with duplex \(capability directions\)/);
  });

  it('is refused its blocking calls on a transport that cannot tell what was taken, naming the capability.', () => {
    const target = freshTarget();
    const capabilities = { ...target.transport.capabilities, confirms: false };
    const plain = { ...target, transport: { ...target.transport, capabilities } };
    const client = createSyncClientOn(Texts, () => plain, sending);
    expect(() => client.note({ text: '' })).toThrow(/capability confirms/);
  });

  it("can't be asked to receive: that is what servers do.", () => {
    const options = { direction: 'receive' } as unknown as { direction: 'send' };
    expect(() => createClientOn(Texts, () => freshTarget(), options)).toThrow(
      'direction: expected duplex or send, found receive (a client calls, and so it sends; what receives is a server)',
    );
  });
});

describe('A blocking client whose channel only sends', () => {
  /** The thread of the client, and a link that the test receives from when it wants to. */
  async function blockingPair() {
    const target = freshTarget({ ringBytes: 4096, maxMessageBytes: 1024, direction: 'receive' });
    const { listener, link } = await rawServer(target);
    const worker = new Worker(new URL('./testing/one-way.worker.js', import.meta.url), {
      workerData: { url: target.address.url },
    });
    clearing.push(
      () => listener.close(),
      () => worker.terminate(),
    );
    await once(worker, 'message');
    return {
      link,
      call: async (order: Order): Promise<{ result: Promise<Outcome> }> => {
        worker.postMessage(order);
        await once(worker, 'message');
        return { result: once(worker, 'message').then(([outcome]) => outcome as Outcome) };
      },
    };
  }

  async function take(link: Link): Promise<void> {
    while (link.receive() === null) await link.whenReadable(Number.POSITIVE_INFINITY);
    link.release();
  }

  it('blocks until the receiver has taken the message, whatever the timeout.', async () => {
    const { link, call } = await blockingPair();
    for (const timeout of ['never', 5000, { send: 5000, reply: 'immediate' }] as const) {
      const { result } = await call({ text: 'taken?', timeout });
      const accepted = await link;
      clearing.push(() => accepted.abort());
      await setTimeout(30);
      await take(accepted);
      const { elapsedMs, error } = await result;
      expect(error).toBeUndefined();
      expect(elapsedMs).toBeGreaterThan(25);
    }
  });

  it('fails at its deadline when the receiver does not take it.', async () => {
    const { link, call } = await blockingPair();
    const { result } = await call({ text: 'taken?', timeout: 40 });
    const { elapsedMs, error } = await result;
    expect(elapsedMs).toBeGreaterThan(39);
    expect(error?.code).toBe('DEADLINE_EXCEEDED');
    expect(error?.message).toMatch(
      /test\.Texts\/Note: the callee had not taken it when its deadline passed, \d+ ms after it began; it may still take it/,
    );
    (await link).abort();
  });

  it('does not begin an immediate call before all is taken that was sent, and gives up soon on one that is not.', async () => {
    const { link, call } = await blockingPair();
    const first = await (await call({ text: 'first', timeout: 'immediate' })).result;
    expect(first.error?.code).toBe('DEADLINE_EXCEEDED');
    const second = await (await call({ text: 'second', timeout: 'immediate' })).result;
    expect(second.error).toMatchObject({ code: 'UNAVAILABLE', reason: 'NOT_READY' });
    const accepted = await link;
    clearing.push(() => accepted.abort());
    await take(accepted);
    expect(accepted.receive(), 'the second was not sent').toBe(null);
  });

  it('fails when the receiver ends the link.', async () => {
    const { link, call } = await blockingPair();
    const { result } = await call({ text: 'taken?', timeout: 'never' });
    (await link).abort();
    expect((await result).error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
  });
});

describe('The type of a client', () => {
  const message = TextMessage;
  const ask = defineMethod({ name: 'Ask', localName: 'ask', request: message, response: message });
  const tell = defineMethod({ name: 'Tell', localName: 'tell', request: message, response: message, oneway: true });
  const Mixed = defineService('test.Mixed', { ask, tell });
  type Names<C> = Exclude<keyof C, `$${string}` | symbol>;

  it('has the one-way methods only when the channel only sends.', () => {
    expectTypeOf<Names<Client<typeof Mixed>>>().toEqualTypeOf<'ask' | 'tell'>();
    expectTypeOf<Names<Client<typeof Mixed, 'send'>>>().toEqualTypeOf<'tell'>();
    expectTypeOf<Names<SyncClient<typeof Mixed, 'send'>>>().toEqualTypeOf<'tell'>();
    // Which of the two is not known: only what both have.
    expectTypeOf<Names<Client<typeof Mixed, 'send' | 'duplex'>>>().toEqualTypeOf<'tell'>();
    const client = createClientOn(Mixed, () => freshTarget(), { direction: 'send' });
    expectTypeOf<Names<typeof client>>().toEqualTypeOf<'tell'>();
    expectTypeOf<Names<ReturnType<typeof createClientOn<typeof Mixed>>>>().toEqualTypeOf<'ask' | 'tell'>();
    // @ts-expect-error A client calls, and so it sends.
    expect(() => createClientOn(Mixed, () => freshTarget(), { direction: 'receive' })).toThrow('direction');
    expect(RpcError.is(client)).toBe(false);
  });
});
