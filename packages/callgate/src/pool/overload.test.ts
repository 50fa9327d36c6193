import { describe, expect, it } from 'vitest';
import type { RpcError } from '../index.js';
import { failure, until } from './testing/failure.js';
import { pooled } from './testing/served.js';

describe('A pool that has more calls than it can run', () => {
  it('refuses those beyond its bound at once, and says when to come again.', async () => {
    await using jobs = await pooled({ maximum: 1, maxQueued: 2 });
    const client = jobs.client();
    const taken = [client.block({ text: '100' }), client.echo({ text: 'a' }), client.echo({ text: 'b' })];
    await until(() => jobs.server.stats().running === 1 && jobs.server.stats().queued === 2);
    const refused = await failure(client.echo({ text: 'c' }));
    expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
    expect(refused.message).toBe('test.Jobs/Echo: all workers are busy, and 2 calls wait already (pool.maxQueued)');
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(await Promise.all(taken)).toHaveLength(3);
  });

  it('does not run a call whose time is over before its turn comes.', async () => {
    await using jobs = await pooled({ maximum: 1 });
    const client = jobs.client();
    const blocking = client.block({ text: '200' });
    await until(() => jobs.server.stats().running === 1);
    const late = failure(client.misbehave({ text: 'exit 1' }, { timeout: 50 }));
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(Number((await blocking).text)).toBeGreaterThan(0);
    expect(await client.echo({ text: 'alive' })).toEqual({ text: 'alive' });
    expect(jobs.heard).toEqual([]);
  });

  it('does not run a call that was cancelled while it waited.', async () => {
    await using jobs = await pooled({ maximum: 1 });
    const client = jobs.client();
    const blocking = client.block({ text: '100' });
    const giveUp = new AbortController();
    const waiting = failure(client.misbehave({ text: 'exit 1' }, { signal: giveUp.signal }));
    await until(() => jobs.server.stats().queued === 1);
    giveUp.abort();
    await waiting;
    await until(() => jobs.server.stats().queued === 0);
    await blocking;
    expect(jobs.heard).toEqual([]);
  });

  it('keeps doing as much as it can, and what it takes is done in time.', async () => {
    await using jobs = await pooled({ loWater: 2, maximum: 2 });
    const client = jobs.client();
    const run = async (atOnce: number, calls: number): Promise<{ done: number; late: number; perSecond: number }> => {
      let [done, late, begun] = [0, 0, 0];
      const before = performance.now();
      const caller = async (): Promise<void> => {
        while (begun < calls) {
          begun++;
          try {
            await client.block({ text: '10' }, { timeout: 500 });
            done++;
          } catch (error) {
            if ((error as RpcError).code === 'DEADLINE_EXCEEDED') late++;
            // As a client of sense does.
            await new Promise((resolve) => setTimeout(resolve, (error as RpcError).retryAfterMs ?? 20));
          }
        }
      };
      await Promise.all(Array.from({ length: atOnce }, caller));
      return { done, late, perSecond: (done * 1000) / (performance.now() - before) };
    };
    const alone = await run(2, 60);
    const crowded = await run(200, 400);
    expect(alone).toMatchObject({ done: 60, late: 0 });
    expect(crowded.late).toBeLessThan(crowded.done / 2);
    expect(crowded.perSecond).toBeGreaterThan(alone.perSecond / 2);
  });
});
