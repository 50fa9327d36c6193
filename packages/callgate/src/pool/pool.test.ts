import { describe, expect, it } from 'vitest';
import { failure } from './testing/failure.js';
import { pooled } from './testing/served.js';

describe.each(['unix', 'inproc', 'shm', 'mq', 'fifo', 'udp'])('A server with a pool, over %s', (scheme) => {
  it('runs handlers that block side by side, and a quick call of another client meanwhile.', async () => {
    await using jobs = await pooled({ loWater: 5, maximum: 5 }, scheme);
    const [client, other] = [jobs.client(), jobs.client()];
    let blocked = true;
    const all = Promise.all([1, 2, 3, 4].map(() => client.block({ text: '200' }))).finally(() => {
      blocked = false;
    });
    expect(await other.echo({ text: 'quick' })).toEqual({ text: 'quick' });
    expect(blocked).toBe(true);
    expect(new Set((await all).map(({ text }) => text)).size).toBe(4);
  });
});

describe('A pool', () => {
  it('has handlers fail as they do without one: with their own error, or with one that tells no more than the message.', async () => {
    await using jobs = await pooled({});
    const client = jobs.client();
    expect(await failure(client.misbehave({ text: 'refuse town' }))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'town',
    });
    expect(await failure(client.misbehave({ text: 'throw up' }))).toMatchObject({ code: 'UNKNOWN', message: 'up' });
    expect(jobs.heard).toHaveLength(1);
    expect(jobs.heard[0]?.cause).toHaveProperty('stack', expect.stringContaining('jobs-service'));
  });
});
