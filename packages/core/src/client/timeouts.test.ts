import { describe, expect, it, vi } from 'vitest';
import { Reason } from '../errors/index.js';
import type { CallContext } from '../server/index.js';
import { freshTarget, pair, rawServer } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import { createClientOn } from './index.js';

describe('a timeout', () => {
  it('that has passed already sends nothing', async () => {
    let began = 0;
    await using both = await pair({ echo: (request) => ({ text: `${request.text}${++began}` }) });
    expect(await failure(both.client.echo({ text: '' }, { timeout: 0 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: Reason.DEADLINE,
    });
    await both.client.work({ text: 'a round trip later' });
    expect(began).toBe(0);
  });

  it('that is finite ends the call, stops the handler, and the late reply is dropped and counted', async () => {
    const stopped = gate<unknown>();
    const late = gate();
    await using both = await pair({
      work: async (request, context: CallContext) => {
        if (request.text === 'quick') return request;
        context.signal.addEventListener('abort', () => stopped.open(context.signal.reason));
        expect(context.deadline - performance.now()).toBeLessThanOrEqual(60);
        await late.opened;
        return request;
      },
    });
    const error = await failure(both.client.work({ text: 'slow' }, { timeout: 50 }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: Reason.DEADLINE, failed: 'call' });
    expect(error.message).toMatch(
      /^test\.Texts\/Work: it was not answered when its deadline passed, \d+ ms after it began$/,
    );
    expect(await stopped.opened).toMatchObject({ code: expect.stringMatching(/DEADLINE_EXCEEDED|CANCELLED/) });
    late.open();
    expect(await both.client.work({ text: 'quick' })).toEqual({ text: 'quick' });
  });

  it.each([2 ** 31, 2 ** 33, Number.POSITIVE_INFINITY, 'never' as const])(
    'of %j lets the call take its time',
    async (timeout) => {
      await using both = await pair({ work: (request) => new Promise((resolve) => setTimeout(resolve, 20, request)) });
      expect(await both.client.work({ text: 'done' }, { timeout })).toEqual({ text: 'done' });
    },
  );

  it('stands in the method, the client or the call, the nearest one counts', async () => {
    const never = { work: () => new Promise<never>(() => undefined) };
    await using both = await pair(never, { client: { timeout: 30 } });
    expect(await failure(both.client.work({ text: '' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await failure(both.client.work({ text: '' }, { timeout: 10 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('of immediate runs the call when a handler is ready', async () => {
    await using both = await pair({}, { client: { immediateGraceMs: 5000 } });
    expect(await both.client.echo({ text: 'now' }, { timeout: 'immediate' })).toEqual({ text: 'now' });
    expect(both.server.stats().running).toBe(0);
  });

  it('of immediate is refused at once when no handler is ready, and nothing is run', async () => {
    const busy = gate();
    let ran = 0;
    await using both = await pair(
      { work: (request) => busy.opened.then(() => ({ text: `${request.text}${++ran}` })) },
      { server: { maxConcurrentCalls: 1 }, client: { immediateGraceMs: 5000 } },
    );
    const first = both.client.work({ text: 'first' });
    const error = await failure(both.client.work({ text: 'second' }, { timeout: 'immediate' }));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: Reason.NOT_READY });
    busy.open();
    await first;
    expect(ran).toBe(1);
    expect(await both.client.work({ text: 'third' }, { timeout: { send: 'immediate', reply: 5000 } })).toEqual({
      text: 'third2',
    });
  });

  it('of immediate gives back the handler that it reserved when the request can not be sent', async () => {
    await using both = await pair(
      {},
      { server: { maxConcurrentCalls: 1 }, client: { immediateGraceMs: 5000 }, transport: { ringBytes: 4096 } },
    );
    const text = 'x'.repeat(5000);
    expect(await failure(both.client.echo({ text }, { timeout: 'immediate' }))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: Reason.MESSAGE_TOO_LARGE,
    });
    expect(await both.client.echo({ text: 'next' })).toEqual({ text: 'next' });
    expect(both.server.stats().running).toBe(0);
  });

  it('of immediate is refused soon by a server that does not even greet', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const error = await failure(client.echo({ text: '' }, { timeout: 'immediate' }));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: Reason.NOT_READY });
    expect(error.message).toBe("test.Texts/Echo: not begun, since it was not connected (timeout: 'immediate')");
    await client.$close();
    await listener.close();
    await (await link).close();
  });

  it('of the reply counts from when a handler has taken the call', async () => {
    const busy = gate();
    await using both = await pair(
      { work: async (request) => (request.text === 'first' ? busy.opened.then(() => request) : request) },
      { server: { maxConcurrentCalls: 1 } },
    );
    const first = both.client.work({ text: 'first' });
    const second = both.client.work({ text: 'second' }, { timeout: { send: 'never', reply: 500 } });
    setTimeout(() => busy.open(), 700);
    await first;
    expect(await second).toEqual({ text: 'second' });
  });

  it('of sending ends the call when no handler takes it in time', async () => {
    const busy = gate();
    let ran = 0;
    await using both = await pair(
      { work: (request) => busy.opened.then(() => ({ text: `${request.text}${++ran}` })) },
      { server: { maxConcurrentCalls: 1 } },
    );
    const first = both.client.work({ text: 'first' });
    expect(await failure(both.client.work({ text: 'second' }, { timeout: { send: 30 } }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await vi.waitFor(() => expect(both.server.stats().queued).toBe(0));
    busy.open();
    await first;
    await both.client.echo({ text: 'a round trip later' });
    expect(ran).toBe(1);
  });

  it('that makes no sense is refused in words', async () => {
    await using both = await pair();
    const error = await failure(both.client.echo({ text: '' }, { timeout: -1 }));
    expect(error.message).toBe(
      "timeout: expected 'never', 'immediate', milliseconds of 0 or more, or a duration such as '250ms', found -1",
    );
  });
});
