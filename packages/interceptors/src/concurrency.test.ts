import { describe, expect, it } from 'vitest';
import { concurrency } from './concurrency.js';
import { answered, failure, gate, pair, type Text } from './testing/pair.js';

describe('concurrency', () => {
  it('lets so many calls be under way, has others wait in order, and refuses more', async () => {
    const order: string[] = [];
    const gates = new Map(['a', 'b', 'c'].map((name) => [name, gate()]));
    const slow = async (request: Text) => {
      order.push(request.text);
      await gates.get(request.text)?.opened;
      return request;
    };
    await using both = await pair({ echo: slow }, { client: [concurrency({ max: 1, queue: 2 })] });
    const [a, b, c] = ['a', 'b', 'c'].map((text) => both.client.echo({ text }));
    const refused = await failure(both.client.echo({ text: 'd' }));
    expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
    expect(refused.message).toBe('test.Texts/Echo: 1 calls are under way (concurrency.max), and 2 wait');
    gates.get('a')?.open();
    await a;
    gates.get('b')?.open();
    await b;
    gates.get('c')?.open();
    await c;
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('has calls wait no longer than their timeout, or than their callers want', async () => {
    const busy = gate();
    await using both = await pair(
      { echo: (request) => busy.opened.then(() => request) },
      { client: [concurrency({ max: 1, queue: 5 })] },
    );
    const first = both.client.echo({ text: 'first' });
    const controller = new AbortController();
    const aborted = failure(both.client.echo({ text: '' }, { signal: controller.signal }));
    expect(await failure(both.client.echo({ text: '' }, { timeout: 20 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'test.Texts/Echo: it waited for its turn (concurrency) when its deadline passed',
    });
    expect(await failure(both.client.echo({ text: '' }, { timeout: 'immediate' }))).toMatchObject({
      reason: 'OVERLOADED',
    });
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'CANCELLED' });
    busy.open();
    expect(await first).toEqual({ text: 'first' });
    expect(await both.client.echo({ text: 'next' })).toEqual({ text: 'next' });
  });

  it('counts a stream until it has ended, however it ends', async () => {
    await using both = await pair({}, { client: [concurrency({ max: 1 })] });
    for await (const _ of both.client.list({ text: 'a b' })) {
      expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ reason: 'OVERLOADED' });
      break;
    }
    expect(await both.client.echo({ text: 'x' })).toEqual({ text: 'x' });
    for await (const _ of both.client.list({ text: 'a b' }));
    expect(await both.client.echo({ text: 'y' })).toEqual({ text: 'y' });
  });

  it('limits a server, and never has a blocking call wait', async () => {
    const busy = gate();
    await using both = await pair(
      { echo: (request) => busy.opened.then(() => request) },
      { server: [concurrency({ max: 1 })] },
    );
    const first = both.client.echo({ text: 'first' });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    busy.open();
    await first;
    const limit = concurrency({ max: 1, queue: 5 });
    let inner: unknown;
    const client = answered([limit], () => {
      try {
        client.echo({ text: '' });
      } catch (error) {
        inner ??= error;
      }
      return { text: 'outer' };
    });
    expect(client.echo({ text: '' })).toEqual({ text: 'outer' });
    expect(inner).toMatchObject({ reason: 'OVERLOADED' });
  });

  it('says what is wrong with its options', () => {
    expect(() => concurrency({ max: 0 })).toThrow('concurrency: max: expected a whole number of at least 1, found 0');
    expect(() => concurrency({ max: 1, queue: 1.5 })).toThrow('concurrency: queue: expected a whole number');
  });
});
