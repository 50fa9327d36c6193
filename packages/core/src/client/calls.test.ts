import { describe, expect, it } from 'vitest';
import { Reason, RpcError } from '../errors/index.js';
import { pair } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { NewerTexts, OtherTexts, StrangeTexts } from '../testing/text-service.js';
import { createClientOn } from './index.js';

describe('a call', () => {
  it('brings back what the handler returns, whether at once or later', async () => {
    await using both = await pair({ work: async (request) => ({ text: `${request.text}!` }) });
    expect(await both.client.echo({ text: 'at once' })).toEqual({ text: 'at once' });
    expect(await both.client.work({ text: 'later' })).toEqual({ text: 'later!' });
  });

  it('is answered out of order when handlers finish so', async () => {
    const first = gate();
    await using both = await pair({
      work: async (request) => {
        if (request.text === 'first') await first.opened;
        return request;
      },
    });
    const slow = both.client.work({ text: 'first' });
    expect(await both.client.work({ text: 'second' })).toEqual({ text: 'second' });
    first.open();
    expect(await slow).toEqual({ text: 'first' });
  });

  it('goes with ten thousand others at once', async () => {
    await using both = await pair();
    const texts = Array.from({ length: 10_000 }, (_, i) => `call ${i}`);
    const replies = await Promise.all(texts.map((text) => both.client.echo({ text })));
    expect(replies.map((reply) => reply.text)).toEqual(texts);
    expect(both.client.$channel.stats).toEqual({ inFlight: 0, lateReplies: 0, lateItems: 0 });
  });

  it('waits for room when the link is full, and nothing is lost or disordered', async () => {
    const seen: string[] = [];
    await using both = await pair(
      {
        echo: (request) => {
          seen.push(request.text.slice(0, 8));
          return request;
        },
      },
      { transport: { ringBytes: 4096 } },
    );
    const texts = Array.from({ length: 500 }, (_, i) => `${String(i).padStart(8, '0')}${'x'.repeat(i)}`);
    const replies = await Promise.all(texts.map((text) => both.client.echo({ text })));
    expect(replies.map((reply) => reply.text)).toEqual(texts);
    expect(seen).toEqual(texts.map((text) => text.slice(0, 8)));
  });
});

describe('many calls', () => {
  it('are answered though both sides have more to send than the link holds', async () => {
    await using both = await pair({}, { transport: { ringBytes: 16_384, maxMessageBytes: 4096 } });
    const text = 'x'.repeat(500);
    const replies = await Promise.all(Array.from({ length: 5000 }, () => both.client.echo({ text })));
    expect(replies.length).toBe(5000);
  });

  it('one-way, one awaited after the other, let the event loop turn', async () => {
    await using both = await pair();
    await both.client.echo({ text: 'connected' });
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    // More than fit in the link would let it turn in any case.
    for (let sent = 0; sent < 100_000 && !turned; sent++) await both.client.note({ text: '' });
    expect(turned).toBe(true);
  });
});

describe('a failing call', () => {
  it('carries the message of what the handler threw, and not its stack', async () => {
    await using both = await pair({
      echo: () => {
        throw new TypeError('the cat sat on it');
      },
    });
    const error = await failure(both.client.echo({ text: '' }));
    expect(error).toMatchObject({
      code: 'UNKNOWN',
      reason: Reason.HANDLER_FAILED,
      failed: 'call',
      message: 'the cat sat on it',
    });
    expect(error.stack).not.toContain('handlers');
    expect(JSON.stringify(error)).not.toContain('calls.test');
  });

  it('carries code, reason and message of an RpcError, thrown or rejected with', async () => {
    const thrown = new RpcError('NOT_FOUND', 'kein Ort «Ø»', { reason: 'NO_SUCH_PLACE' });
    await using both = await pair({
      echo: () => {
        throw thrown;
      },
      work: () => Promise.reject(thrown),
    });
    for (const call of [both.client.echo, both.client.work]) {
      expect(await failure(call({ text: '' }))).toMatchObject({
        code: 'NOT_FOUND',
        reason: 'NO_SUCH_PLACE',
        message: 'kein Ort «Ø»',
      });
    }
  });

  it('says which method or service the server does not know, and what it offers', async () => {
    await using both = await pair();
    const newer = createClientOn(NewerTexts, () => both.target);
    expect(await newer.echo({ text: 'both know this' })).toEqual({ text: 'both know this' });
    const method = await failure(newer.added({ text: '' }));
    expect(method).toMatchObject({ code: 'UNIMPLEMENTED', reason: Reason.UNKNOWN_METHOD });
    expect(method.message).toContain('offers test.Texts, but no method Added; it has Echo, Work, Note');
    await newer.$close();

    const other = createClientOn(OtherTexts, () => both.target);
    const service = await failure(other.echo({ text: '' }));
    expect(service).toMatchObject({ code: 'UNIMPLEMENTED', reason: Reason.UNKNOWN_SERVICE });
    expect(service.message).toContain('does not offer test.Others; it offers test.Texts');
    await other.$close();
  });

  it('says in what the two sides disagree about a method that both have', async () => {
    await using both = await pair();
    const strange = createClientOn(StrangeTexts, () => both.target);
    const error = await failure(strange.echo({ text: '' }));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: Reason.SCHEMA_MISMATCH });
    expect(error.message).toBe(
      `test.Texts/Echo: this side and the server at ${both.target.address.url} disagree: test.Text field 1: "text" is fixed32 here and string there`,
    );
    await strange.$close();
  });

  it('says that its request or reply can not be encoded or decoded, and leaves the channel alone', async () => {
    await using both = await pair({
      echo: (request) => (request.text === 'bad' ? { text: '!' } : request),
      work: () => ({ text: 5 as never }),
    });
    expect(await failure(both.client.echo({ text: 7 as never }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'UNENCODABLE',
    });
    expect(await failure(both.client.echo({ text: '!' }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: Reason.UNDECODABLE,
      message: "test.Texts/Echo: the request can't be decoded: test.Text: no text at offset 0",
    });
    expect(await failure(both.client.echo({ text: 'bad' }))).toMatchObject({
      code: 'INTERNAL',
      reason: Reason.UNDECODABLE,
    });
    expect(await failure(both.client.work({ text: '' }))).toMatchObject({
      code: 'INTERNAL',
      reason: Reason.UNENCODABLE,
      message: "test.Texts/Work: the handler's reply can't be sent: test.Text.text: expected text",
    });
    expect(await both.client.echo({ text: 'still here' })).toEqual({ text: 'still here' });
  });

  it('is refused before it is sent when the message is over the limit of either side, request or reply', async () => {
    await using both = await pair(
      { work: () => ({ text: 'y'.repeat(2000) }) },
      { transport: { maxMessageBytes: 1024 } },
    );
    expect(await both.client.echo({ text: 'x'.repeat(1024 - 32) })).toBeDefined();
    for (const text of ['x'.repeat(1024 - 31), 'x'.repeat(100_000)]) {
      const error = await failure(both.client.echo({ text }));
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.MESSAGE_TOO_LARGE });
      expect(error.message).toContain(`the message has ${text.length} bytes; this channel carries at most 992`);
    }
    const reply = await failure(both.client.work({ text: '' }));
    expect(reply).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.MESSAGE_TOO_LARGE });
    expect(reply.message).toContain("test.Texts/Work: the handler's reply can't be sent: the message has 2000 bytes");
  });
});

describe('aborting', () => {
  it('before the call begins sends nothing', async () => {
    await using both = await pair();
    const error = await failure(
      both.client.echo({ text: '' }, { signal: AbortSignal.abort(new Error('changed my mind')) }),
    );
    expect(error).toMatchObject({ code: 'CANCELLED', reason: Reason.ABORTED_BY_CALLER });
    expect(error.message).toBe('test.Texts/Echo: aborted by the caller: changed my mind');
  });

  it('reaches the handler of a call under way', async () => {
    const began = gate();
    const stopped = gate();
    await using both = await pair({
      work: async (request, context) => {
        context.signal.addEventListener('abort', () => stopped.open());
        began.open();
        await stopped.opened;
        return request;
      },
    });
    const controller = new AbortController();
    const call = both.client.work({ text: '' }, { signal: controller.signal });
    await began.opened;
    controller.abort();
    expect(await failure(call)).toMatchObject({ code: 'CANCELLED' });
    await stopped.opened;
    expect(both.client.$channel.stats.inFlight).toBe(0);
  });
});

describe('a one-way call', () => {
  it('returns when it is sent, though its handler is not done; its failure is told to the server', async () => {
    const heard = gate<RpcError>();
    await using both = await pair(
      { note: () => Promise.reject(new Error('nobody reads this')) },
      { server: { onError: (error) => heard.open(error) } },
    );
    await both.client.note({ text: 'a note' });
    expect((await heard.opened).message).toBe('nobody reads this');
  });
});

describe('a server at its bounds', () => {
  it('queues calls up to a bound and then answers RESOURCE_EXHAUSTED at once', async () => {
    const busy = gate();
    await using both = await pair(
      { work: (request) => busy.opened.then(() => request) },
      { server: { maxConcurrentCalls: 1, maxQueuedCalls: 2 } },
    );
    const calls = ['runs', 'waits', 'waits too'].map((text) => both.client.work({ text }));
    const error = await failure(both.client.work({ text: 'one too many' }));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.OVERLOADED });
    expect(both.server.stats()).toMatchObject({ running: 1, queued: 2 });
    busy.open();
    expect((await Promise.all(calls)).map((reply) => reply.text)).toEqual(['runs', 'waits', 'waits too']);
  });
});

describe('closing', () => {
  it('the client fails what is in flight and refuses more', async () => {
    await using both = await pair({ work: () => new Promise<never>(() => undefined) });
    const call = both.client.work({ text: '' });
    await both.client.echo({ text: 'connected' });
    await both.client.$close();
    expect(await failure(call)).toMatchObject({ code: 'CANCELLED', reason: Reason.CLOSED });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: Reason.CLOSED,
      message: 'the client of test.Texts is closed',
    });
    await both.client.$close();
  });

  it('the server finishes what runs, refuses what comes, and then the client knows', async () => {
    const busy = gate();
    await using both = await pair({ work: (request) => busy.opened.then(() => request) });
    const running = both.client.work({ text: 'running' });
    await both.client.echo({ text: 'so it runs' });
    const closed = both.server.close();
    const refused = await failure(both.client.work({ text: 'too late' }));
    expect(refused).toMatchObject({ code: 'UNAVAILABLE' });
    busy.open();
    expect(await running).toEqual({ text: 'running' });
    await closed;
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(both.client.$channel.lastEnd).toMatchObject({ by: 'peer', orderly: true });
  });

  it('the server in a hurry stops handlers and tells their callers', async () => {
    await using both = await pair({ work: () => new Promise<never>(() => undefined) });
    const call = both.client.work({ text: '' });
    await both.client.echo({ text: 'so it runs' });
    await both.server.close({ timeoutMs: 0 });
    expect(await failure(call)).toMatchObject({ code: 'UNAVAILABLE', reason: Reason.CLOSED });
  });
});
