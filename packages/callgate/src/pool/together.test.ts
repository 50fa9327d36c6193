import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createCallgate } from '../index.js';
import { served } from '../interop/testing/service.js';
import { until } from './testing/failure.js';
import { pooled } from './testing/served.js';

it('Bytes that travel by reference reach the workers of a pool, though it waits for one.', async () => {
  const gate = createCallgate({ config: {}, env: {} });
  const folder = mkdtempSync(join(tmpdir(), 'callgate-pool-'));
  const server = gate.createServer({ pool: { maximum: 1 } });
  server.add(served, { module: new URL('../interop/testing/service.js', import.meta.url) });
  const [url] = (await server.listen(`shm:${join(folder, 'loans')}`)) as [string];
  const client = gate.createClient(served, url);
  try {
    const total = async (): Promise<number> => {
      const payload = await client.$channel.allocate(1_000_000);
      const { bytes } = await client.streamingInput([{ payload }, { payload: new Uint8Array(7) }]);
      return Number(bytes);
    };
    await client.emptyCall({});
    expect(await Promise.all([total(), total(), total()])).toEqual([1_000_007, 1_000_007, 1_000_007]);
  } finally {
    await client.$close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
});

it('A server with a pool that drains finishes what its workers have, and what waits for one.', async () => {
  await using jobs = await pooled({ maximum: 1 });
  const client = jobs.client();
  const calls = [client.block({ text: '100' }), client.echo({ text: 'behind' })];
  await until(() => jobs.server.stats().running === 1 && jobs.server.stats().queued === 1);
  const drained = jobs.server.drain({ timeoutMs: 10_000 });
  expect((await Promise.all(calls)).at(-1)).toEqual({ text: 'behind' });
  await drained;
  expect(jobs.server.stats()).toMatchObject({ links: 0, running: 0, queued: 0 });
});
