import { describe, expect, it, vi } from 'vitest';
import { ENVELOPE_BYTES, Kind, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';
import { createClientOn, type Target } from '../client/index.js';
import {
  echoing,
  freshTarget,
  pair,
  rawClient,
  receiveRaw,
  sendRaw,
  streamPair,
  type TextHandlers,
} from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import type { Link } from '../transport/index.js';
import { createServerOn, type Server } from './index.js';

async function serve(target: Target, handlers: Partial<TextHandlers> = {}): Promise<Server> {
  const server = createServerOn(() => [target]);
  server.add(Texts, { ...echoing, ...handlers });
  await server.listen();
  return server;
}

const GREETING = { maxMessageBytes: 4096, methods: [], schemas: { roots: [], messages: [] } };

/** A client played by hand that has greeted. */
async function greeted(target: Target, more: object = {}): Promise<Link> {
  const link = await rawClient(target);
  send(link, Kind.HELLO, 0, JSON.stringify({ ...GREETING, ...more }));
  await receiveRaw(link);
  return link;
}

function send(link: Link, kind: number, callId = 0, payload = ''): void {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + Buffer.byteLength(payload));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeEnvelope(view, 0, kind, 0, 0, bytes.length - ENVELOPE_BYTES, callId, 0, NO_DEADLINE);
  bytes.write(payload, ENVELOPE_BYTES);
  sendRaw(link, bytes);
}

const kindOf = (message: Buffer | undefined): number | undefined => message?.[3];

describe('A server that drains', () => {
  it('finishes what it has taken, and ends then.', async () => {
    const busy = gate();
    await using both = await pair({ work: (request) => busy.opened.then(() => request) });
    const running = both.client.work({ text: 'running' });
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    let drained = false;
    const draining = both.server.drain().then(() => {
      drained = true;
    });
    await vi.waitFor(() => expect(both.client.$channel.state).toBe('idle'));
    expect(drained).toBe(false);
    busy.open();
    expect(await running).toEqual({ text: 'running' });
    await draining;
    expect(both.server.stats().links).toBe(0);
    expect((await both.client.$channel.closed).orderly).toBe(true);
  });

  it('has its clients make their next calls at its successor, which listens at the same name meanwhile.', async () => {
    const target = freshTarget();
    const busy = gate();
    const first = await serve(target, { work: (request) => busy.opened.then(() => request) });
    await using client = createClientOn(Texts, () => target);
    const running = client.work({ text: 'running' });
    await vi.waitFor(() => expect(first.stats().running).toBe(1));
    const drained = first.drain();
    await vi.waitFor(() => expect(client.$channel.state).toBe('idle'));
    const second = await serve(target, { echo: () => ({ text: 'the second' }) });
    expect(await client.echo({ text: '' })).toEqual({ text: 'the second' });
    expect(client.$channel.addresses[0]).toMatchObject({ inFlight: 1, state: 'ready' });
    busy.open();
    expect(await running).toEqual({ text: 'running' });
    await drained;
    // The end of the first connection is no news: there is another.
    expect(client.$channel.lastEnd).toBeUndefined();
    expect(await client.echo({ text: '' })).toEqual({ text: 'the second' });
    await client.$close();
    await second.close();
  });

  it('takes all that was sent to it before its client knew, one-way calls too.', async () => {
    const noted: string[] = [];
    await using both = await pair({
      note: ({ text }) => {
        noted.push(text);
        return { text };
      },
    });
    await both.client.echo({ text: 'connected' });
    const notes = Array.from({ length: 100 }, (_, i) => both.client.note({ text: `${i}` }));
    const answer = both.client.echo({ text: 'crossed' });
    const drained = both.server.drain();
    await Promise.all(notes);
    expect(await answer).toEqual({ text: 'crossed' });
    await drained;
    expect(noted).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  it('lets streams that have begun go on to their end.', async () => {
    const busy = gate();
    await using both = await streamPair({
      async *list() {
        yield { text: 'one' };
        await busy.opened;
        yield { text: 'two' };
      },
    });
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text } of both.client.list({ text: '' })) texts.push(text);
    })();
    await vi.waitFor(() => expect(texts).toEqual(['one']));
    const drained = both.server.drain();
    await vi.waitFor(() => expect(both.client.$channel.state).toBe('idle'));
    busy.open();
    await reading;
    await drained;
    expect(texts).toEqual(['one', 'two']);
  });

  it('stops at the deadline what still runs, and says why.', async () => {
    await using both = await pair({
      work: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const running = failure(both.client.work({ text: '' }));
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    await both.server.drain({ timeoutMs: 50, epitaph: 'moved to another machine' });
    expect(await running).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'EPITAPH',
      message: 'the server closed: moved to another machine',
    });
  });

  it('is no more forgiving than close: options that make no sense are refused, and the server stays open.', async () => {
    await using both = await pair({ work: (request) => request });
    for (const [options, words] of [
      [{ timeout: 1 }, 'close: timeout: unknown option; known are timeoutMs, epitaph'],
      [{ timeoutMs: -1 }, 'close: timeoutMs: expected milliseconds of 0 or more, found -1'],
      [{ epitaph: 7 }, 'close: epitaph: expected words, found 7'],
    ] as const) {
      const error = await failure(both.server.close(options as object));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'BAD_OPTION', message: words });
    }
    expect(await both.client.work({ text: 'still here' })).toMatchObject({ text: 'still here' });
  });

  it('is cut short by close.', async () => {
    await using both = await pair({ work: () => new Promise(() => undefined) });
    const running = failure(both.client.work({ text: '' }));
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    const drained = both.server.drain({ timeoutMs: 2 ** 40 });
    await both.server.close({ timeoutMs: 0 });
    await drained;
    expect(await running).toMatchObject({ code: 'UNAVAILABLE', reason: 'CLOSED' });
  });

  it('refuses to listen anew, and to drain by options that make no sense.', async () => {
    await using both = await pair();
    for (const [options, words] of [
      [{ timeoutMs: -1 }, 'drain: timeoutMs: expected milliseconds of 0 or more, found -1'],
      [{ deadline: Number.NaN }, 'drain: deadline: expected an instant of performance.now(), found NaN'],
      [{ timeoutMs: 1, deadline: 1 }, 'drain: timeoutMs and deadline say the same in two ways: give one of them'],
      [{ timeout: 1 } as object, 'drain: timeout: unknown option; known are timeoutMs, deadline, epitaph'],
      [{ epitaph: 7 } as object, 'drain: epitaph: expected words, found 7'],
    ] as const) {
      expect(await failure(both.server.drain(options))).toMatchObject({ code: 'INVALID_ARGUMENT', message: words });
      expect(() => both.server.drainOnSignals(['SIGTERM'], options)).toThrow(words);
    }
    expect(await both.client.echo({ text: 'not yet' })).toEqual({ text: 'not yet' });
    const drained = both.server.drain();
    expect(await failure(both.server.listen())).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'the server drains, and listens nowhere any more',
    });
    await drained;
    await both.server.drain();
  });

  it('says nothing to a client of before, refuses what that calls, and closes its link.', async () => {
    const target = freshTarget();
    const busy = gate();
    const server = await serve(target, { echo: (request) => busy.opened.then(() => request) });
    const old = await greeted(target);
    send(old, Kind.REQUEST, 1, 'taken');
    await vi.waitFor(() => expect(server.stats().running).toBe(1));
    const drained = server.drain();
    send(old, Kind.REQUEST, 2, 'refused');
    const refused = await receiveRaw(old);
    expect([kindOf(refused), refused?.readUInt32LE(16)]).toEqual([Kind.REPLY, 2]);
    expect(refused?.toString('utf8')).toContain('the server is shutting down');
    busy.open();
    const answered = await receiveRaw(old);
    expect([kindOf(answered), answered?.readUInt32LE(16)]).toEqual([Kind.REPLY, 1]);
    expect(await receiveRaw(old)).toBeUndefined();
    expect(old.end).toMatchObject({ by: 'peer', orderly: true });
    await drained;
  });

  it('waits for a client that hears it until that has said that no more calls follow.', async () => {
    const target = freshTarget();
    const server = await serve(target);
    const link = await greeted(target, { hears: 'always' });
    const drained = server.drain();
    expect(kindOf(await receiveRaw(link))).toBe(Kind.GO_AWAY);
    send(link, Kind.REQUEST, 1, 'crossed');
    expect((await receiveRaw(link))?.toString('utf8', ENVELOPE_BYTES)).toBe('crossed');
    send(link, Kind.GOING);
    expect(await receiveRaw(link)).toBeUndefined();
    await drained;
  });

  it('sends away who greets while it drains.', async () => {
    const target = freshTarget();
    const server = await serve(target);
    const link = await rawClient(target);
    await vi.waitFor(() => expect(server.stats().links).toBe(1));
    const drained = server.drain();
    send(link, Kind.HELLO, 0, JSON.stringify({ ...GREETING, hears: 'always' }));
    expect(kindOf(await receiveRaw(link))).toBe(Kind.HELLO);
    expect(kindOf(await receiveRaw(link))).toBe(Kind.GO_AWAY);
    send(link, Kind.GOING);
    expect(await receiveRaw(link)).toBeUndefined();
    await drained;
  });

  it('may be told to several times at once.', async () => {
    await using both = await pair();
    await both.client.echo({ text: 'connected' });
    await Promise.all([both.server.drain(), both.server.drain()]);
    expect(both.server.stats()).toMatchObject({ links: 0, running: 0 });
  });
});

describe('GO_AWAY', () => {
  it('ends a channel on which nobody calls him to whom it is said.', async () => {
    const target = freshTarget();
    const server = await serve(target);
    const link = await greeted(target);
    send(link, Kind.GO_AWAY);
    const goodbye = await receiveRaw(link);
    expect(kindOf(goodbye)).toBe(Kind.GOODBYE);
    expect(goodbye?.toString('utf8')).toContain('to take no more calls, though this side called nothing');
    await server.close({ timeoutMs: 0 });
  });
});

describe('Signals', () => {
  it('drain a server once, and are heard by nobody afterwards.', async () => {
    await using both = await pair();
    await both.client.echo({ text: 'connected' });
    const before = process.listenerCount('SIGUSR2');
    both.server.drainOnSignals(['SIGUSR2']);
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    process.emit('SIGUSR2', 'SIGUSR2');
    await vi.waitFor(() => expect(process.listenerCount('SIGUSR2')).toBe(before));
    expect(both.server.stats().links).toBe(0);
    const undo = both.server.drainOnSignals();
    expect(process.listenerCount('SIGTERM')).toBe(1);
    undo();
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });
});
