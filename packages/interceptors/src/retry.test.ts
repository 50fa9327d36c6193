import { type CallContext, type CallOptions, RpcError } from '@callgate/core';
import { describe, expect, it } from 'vitest';
import { retry } from './retry.js';
import { answered, failure, pair, type Text, unavailable } from './testing/pair.js';

/** A handler that fails so many times, and how often it was called. */
function failing(times: number, error: () => RpcError = unavailable) {
  const handler = {
    calls: 0,
    run: (request: Text): Text => {
      if (++handler.calls <= times) throw error();
      return request;
    },
  };
  return handler;
}

const quick = { initialBackoffMs: 1 };

describe('retry', () => {
  it('makes calls of idempotent methods again, so many times, and no others', async () => {
    const [look, echo] = [failing(2), failing(2)];
    await using both = await pair({ look: look.run, echo: echo.run }, { client: [retry(quick)] });
    expect(await both.client.look({ text: 'x' })).toEqual({ text: 'x' });
    expect(look.calls).toBe(3);
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(echo.calls).toBe(1);
    const more = failing(9);
    await using stubborn = await pair({ look: more.run }, { client: [retry(quick)] });
    await failure(stubborn.client.look({ text: '' }));
    expect(more.calls).toBe(4);
  });

  it('does not repeat what would fail again', async () => {
    const look = failing(9, () => new RpcError('NOT_FOUND', 'no'));
    await using both = await pair({ look: look.run }, { client: [retry(quick)] });
    await failure(both.client.look({ text: '' }));
    expect(look.calls).toBe(1);
  });

  it('waits as long as the callee says, and gives up where the timeout is too short for that', async () => {
    const look = failing(1, () => unavailable(30));
    await using both = await pair({ look: look.run }, { client: [retry(quick)] });
    const begun = performance.now();
    await both.client.look({ text: '' });
    // A timer may fire a fraction of a millisecond early.
    expect(performance.now() - begun).toBeGreaterThan(29);
    const later = failing(1, () => unavailable(60_000));
    await using impatient = await pair({ look: later.run }, { client: [retry(quick)] });
    expect(await failure(impatient.client.look({ text: '' }, { timeout: 1000 }))).toMatchObject({ message: 'not now' });
    expect(later.calls).toBe(1);
  });

  it('gives all attempts one timeout', async () => {
    const look = failing(1);
    await using both = await pair(
      { look: (request) => (look.calls === 0 ? look.run(request) : new Promise<never>(() => undefined)) },
      { client: [retry({ initialBackoffMs: 20 })] },
    );
    expect(await failure(both.client.look({ text: '' }, { timeout: 60 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('stops when its caller gives up', async () => {
    await using both = await pair(
      { look: failing(9).run },
      { client: [retry({ initialBackoffMs: 60_000, maxBackoffMs: 60_000 })] },
    );
    const call = failure(both.client.look({ text: '' }, { signal: AbortSignal.timeout(50) }));
    expect(await call).toMatchObject({ code: 'CANCELLED', message: 'test.Texts/Look: aborted between two attempts' });
  });

  it('stops for a while when too much fails', async () => {
    const look = failing(9);
    const throttling = { maxTokens: 4, tokenRatio: 0.5 };
    await using both = await pair({ look: look.run }, { client: [retry({ ...quick, throttling })] });
    await failure(both.client.look({ text: '' }));
    expect(look.calls).toBe(2);
    await failure(both.client.look({ text: '' }));
    expect(look.calls).toBe(3);
  });

  it('tells the caller of the attempt that counts, and of no other', async () => {
    let runs = 0;
    const look = (request: Text, context: CallContext): Text => {
      context.headers.set('run', `${++runs}`);
      context.sendHeaders();
      context.trailers.set('run', `${runs}`);
      if (runs % 3 !== 0) throw unavailable();
      return request;
    };
    await using both = await pair({ look }, { client: [retry(quick)] });
    const told: string[] = [];
    const listeners: CallOptions = {
      onHeaders: (headers) => told.push(`headers ${headers.get('run')}`),
      onTrailers: (trailers) => told.push(`trailers ${trailers.get('run')}`),
    };
    await both.client.look({ text: '' }, listeners);
    expect(told.splice(0)).toEqual(['headers 3', 'trailers 3']);
    await using impatient = await pair({ look }, { client: [retry({ ...quick, maxAttempts: 2 })] });
    await failure(impatient.client.look({ text: '' }, listeners));
    expect(told.splice(0)).toEqual(['headers 5', 'trailers 5']);
    const thrown = failure(
      both.client.look(
        { text: '' },
        {
          onHeaders: () => {
            throw new Error('not these');
          },
        },
      ),
    );
    expect(await thrown).toMatchObject({
      code: 'CANCELLED',
      reason: 'ABORTED_BY_CALLER',
      message: 'test.Texts/Look: onHeaders threw: not these',
    });
    expect(runs).toBe(6);
  });

  it('repeats blocking calls, too', () => {
    let calls = 0;
    const client = answered([retry(quick)], () => {
      if (++calls < 3) throw unavailable();
      return { text: 'at last' };
    });
    expect(client.look({ text: '' })).toEqual({ text: 'at last' });
    expect(calls).toBe(3);
  });

  it('says what is wrong with its options', () => {
    expect(() => retry({ multiplier: 0.5 })).toThrow('retry.multiplier: expected a number of 1 or more, found 0.5');
    expect(() => retry({ retryableStatusCodes: ['NO_SUCH'] as never })).toThrow(
      'retry.retryableStatusCodes: expected a list of status codes',
    );
  });
});
