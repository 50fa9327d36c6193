import { describe, expect, it, vi } from 'vitest';
import { RpcError } from '../../errors/index.js';
import { pair } from '../../testing/pair.js';
import { failure, gate } from '../../testing/promises.js';

const ECHO = 'test.Texts/Echo';
const WORK = 'test.Texts/Work';

describe('The stats of a server', () => {
  it('count calls by method and by how they ended, and are plain data.', async () => {
    await using both = await pair({
      work: ({ text }) => {
        throw text === 'missing' ? new RpcError('NOT_FOUND', 'not there') : new Error('broken');
      },
    });
    for (const text of ['a', 'b', 'c']) await both.client.echo({ text });
    await failure(both.client.work({ text: 'missing' }));
    await failure(both.client.work({ text: '' }));
    await both.client.note({ text: 'one way' });
    await vi.waitFor(() => expect(both.server.stats().methods['test.Texts/Note']).toMatchObject({ ok: 1 }));
    const stats = both.server.stats();
    expect(stats.methods[ECHO]).toEqual({ started: 3, ok: 3, failed: {} });
    expect(stats.methods[WORK]).toEqual({ started: 2, ok: 0, failed: { NOT_FOUND: 1, UNKNOWN: 1 } });
    expect(stats).toMatchObject({ links: 1, running: 0, queued: 0, lateItems: 0 });
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
    expect(stats.workers).toBeUndefined();
  });

  it('count those that no handler had: refused, expired and cancelled while they waited.', async () => {
    const hold = gate();
    const work = async (): Promise<{ text: string }> => {
      await hold.opened;
      return { text: 'done' };
    };
    await using both = await pair(
      { work },
      { server: { maxConcurrentCalls: 1, maxQueuedCalls: 2 }, client: { retry: false } },
    );
    const running = both.client.work({ text: '' });
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    await failure(both.client.echo({ text: '' }, { timeout: 20 }));
    await vi.waitFor(() => expect(both.server.stats().queued).toBe(0));
    const giveUp = new AbortController();
    const waiting = [1, 2].map(() => failure(both.client.echo({ text: '' }, { signal: giveUp.signal })));
    await vi.waitFor(() => expect(both.server.stats().queued).toBe(2));
    await failure(both.client.echo({ text: 'too many' }));
    giveUp.abort();
    await Promise.all(waiting);
    await vi.waitFor(() => expect(both.server.stats().queued).toBe(0));
    hold.open();
    await running;
    const ended = { started: 0, ok: 0, failed: { CANCELLED: 2, DEADLINE_EXCEEDED: 1, RESOURCE_EXHAUSTED: 1 } };
    await vi.waitFor(() => expect(both.server.stats().methods[ECHO]).toEqual(ended));
    expect(both.server.stats().methods[WORK]).toEqual({ started: 1, ok: 1, failed: {} });
  });

  it('count a call whose caller is gone as cancelled, once.', async () => {
    const hold = gate();
    const work = async (): Promise<{ text: string }> => {
      await hold.opened;
      return { text: 'nobody wants it' };
    };
    await using both = await pair({ work });
    const running = failure(both.client.work({ text: '' }));
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    await both.client.$close();
    await running;
    await vi.waitFor(() => expect(both.server.stats().methods[WORK]?.failed).toEqual({ CANCELLED: 1 }));
    hold.open();
    await vi.waitFor(() => expect(both.server.stats().running).toBe(0));
    expect(both.server.stats().methods[WORK]).toEqual({ started: 1, ok: 0, failed: { CANCELLED: 1 } });
  });

  it('tell how long answered calls took, where histograms are kept.', async () => {
    const work = async ({ text }: { text: string }): Promise<{ text: string }> => {
      await new Promise((resolve) => setTimeout(resolve, Number(text)));
      return { text };
    };
    await using both = await pair({ work }, { server: { histograms: true } });
    for (let i = 0; i < 9; i++) await both.client.work({ text: '2' });
    await both.client.work({ text: '60' });
    const latency = both.server.stats().methods[WORK]?.latencyUs;
    expect(latency?.count).toBe(10);
    expect(latency?.p50).toBeGreaterThan(1000);
    expect(latency?.max).toBeGreaterThan(59_000);
    for (const [less, more] of [
      [latency?.p50, latency?.p90],
      [latency?.p90, latency?.p99],
      [latency?.p99, latency?.p999],
      [latency?.p999, latency?.max],
    ])
      expect(less).toBeLessThanOrEqual(more as number);
    expect(latency?.mean).toBeGreaterThan(7000);
    expect(both.server.stats().methods[ECHO]?.latencyUs).toEqual({
      p50: 0,
      p90: 0,
      p99: 0,
      p999: 0,
      max: 0,
      mean: 0,
      count: 0,
    });
  });

  it('tell of calls, not of refusals, how long they took.', async () => {
    const hold = gate();
    const work = async (): Promise<{ text: string }> => {
      await hold.opened;
      return { text: '' };
    };
    const server = { histograms: true, maxConcurrentCalls: 1, maxQueuedCalls: 0 };
    await using both = await pair({ work }, { server });
    const running = both.client.work({ text: '' });
    await vi.waitFor(() => expect(both.server.stats().running).toBe(1));
    expect(await failure(both.client.work({ text: '' }, { timeout: 10_000 }))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    hold.open();
    await running;
    expect(both.server.stats().methods[WORK]).toMatchObject({
      started: 1,
      ok: 1,
      failed: { RESOURCE_EXHAUSTED: 1 },
      latencyUs: { count: 1 },
    });
  });
});
