import { describe, expect, it } from 'vitest';
import { failure, until } from './testing/failure.js';
import { pooled } from './testing/served.js';

const BLOCK = 'test.Jobs/Block';

describe('The stats of a server with a pool', () => {
  it.each(['unix', 'shm'])('count what all of its workers do, over %s.', async (scheme) => {
    await using jobs = await pooled({ loWater: 2, maximum: 2 }, scheme);
    const client = jobs.client();
    const calls = Array.from({ length: 8 }, () => client.block({ text: '5' }));
    await Promise.all(calls);
    const words: string[] = [];
    for await (const { text } of client.list({ text: 'a b c' })) words.push(text);
    expect(words).toEqual(['a', 'b', 'c']);
    expect(await failure(client.misbehave({ text: 'refuse not today' }))).toMatchObject({ code: 'NOT_FOUND' });
    await client.note({ text: `${jobs.directory}/notes a` });
    await until(() => jobs.server.stats().methods['test.Jobs/Note']?.ok === 1);
    await until(() => jobs.server.stats().workers?.waiting === 2);
    const { methods, workers } = jobs.server.stats();
    expect(methods[BLOCK]).toEqual({ started: 8, ok: 8, failed: {} });
    expect(methods['test.Jobs/List']).toEqual({ started: 1, ok: 1, failed: {} });
    expect(methods['test.Jobs/Misbehave']).toEqual({ started: 1, ok: 0, failed: { NOT_FOUND: 1 } });
    expect(workers).toEqual({ starting: 0, waiting: 2, busy: 0, late: 0, ending: 0 });
  });

  it('tell how long calls took, waiting for a worker included.', async () => {
    await using jobs = await pooled({ maximum: 1 }, 'unix', {}, { histograms: true });
    const client = jobs.client();
    const [first, second] = [client.block({ text: '100' }), client.echo({ text: '' })];
    await Promise.all([first, second]);
    await until(() => jobs.server.stats().methods['test.Jobs/Echo']?.ok === 1);
    const { methods } = jobs.server.stats();
    expect(methods[BLOCK]?.latencyUs?.max).toBeGreaterThan(99_000);
    expect(methods['test.Jobs/Echo']?.latencyUs?.count).toBe(1);
    expect(methods['test.Jobs/Echo']?.latencyUs?.max).toBeGreaterThan(50_000);
  });

  it('keep what a worker has counted that died, and count the calls that died with it.', async () => {
    await using jobs = await pooled({ maximum: 1 });
    const client = jobs.client({ retry: false });
    await client.echo({ text: '' });
    await failure(client.misbehave({ text: 'exit 1' }));
    await until(() => jobs.server.stats().workers?.waiting === 1);
    await client.echo({ text: '' });
    // A worker counts when it has sent its reply, which may have been read by then.
    await until(() => jobs.server.stats().methods['test.Jobs/Echo']?.ok === 2);
    const { methods } = jobs.server.stats();
    expect(methods['test.Jobs/Echo']).toEqual({ started: 2, ok: 2, failed: {} });
    expect(methods['test.Jobs/Misbehave']).toEqual({ started: 1, ok: 0, failed: { UNAVAILABLE: 1 } });
  });

  it('count what no worker had: refused, cancelled and expired in the queue.', async () => {
    await using jobs = await pooled({ maximum: 1, maxQueued: 2 });
    const client = jobs.client({ retry: false });
    const blocking = client.block({ text: '400' });
    await until(() => jobs.server.stats().running === 1);
    await failure(client.echo({ text: '' }, { timeout: 20 }));
    await until(() => jobs.server.stats().queued === 0);
    const giveUp = new AbortController();
    const waiting = [1, 2].map(() => failure(client.echo({ text: '' }, { signal: giveUp.signal })));
    await until(() => jobs.server.stats().queued === 2);
    await failure(client.echo({ text: '' }));
    giveUp.abort();
    await Promise.all([...waiting, blocking]);
    await until(() => jobs.server.stats().queued === 0);
    expect(jobs.server.stats().methods['test.Jobs/Echo']).toEqual({
      started: 0,
      ok: 0,
      failed: { CANCELLED: 2, DEADLINE_EXCEEDED: 1, RESOURCE_EXHAUSTED: 1 },
    });
  });

  it('tell which workers are late.', async () => {
    await using jobs = await pooled({ loWater: 1, maximum: 1, lateAfterMs: 50 });
    const blocking = jobs.client().block({ text: '500' });
    await until(() => jobs.server.stats().workers?.late === 1);
    expect(jobs.server.stats()).toMatchObject({ running: 1, workers: { busy: 1, waiting: 0 } });
    await blocking;
    await until(() => jobs.server.stats().workers?.late === 0);
  });
});
