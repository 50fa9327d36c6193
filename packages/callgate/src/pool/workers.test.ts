import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCallgate, type PoolEvents, type ServiceModule } from '../index.js';
import { failure, until } from './testing/failure.js';
import { Jobs } from './testing/jobs.js';
import { jobsModule, pooled } from './testing/served.js';

describe('A worker of a pool', () => {
  it.each([
    ['exit 3', 'its handler, or what it started, called process.exit(3)'],
    ['throw-later soon', 'it threw outside a call: soon'],
    ['eat', 'it ran out of memory (pool.resourceLimits)'],
    ['loop', 'it was stuck: it answered nothing for'],
  ])('that ends by "%s" fails its calls, and no others; another takes its place.', async (what, words) => {
    await using jobs = await pooled({
      loWater: 2,
      maximum: 2,
      perWorker: 1,
      // Who fills its memory is busy with that for a while, too.
      stuckAfterMs: what === 'loop' ? 200 : 60_000,
      resourceLimits: { maxOldGenerationSizeMb: 40 },
    });
    const client = jobs.client({ retry: false });
    const ended: PoolEvents['ended'][] = [];
    jobs.server.pool.on('ended', (event) => ended.push(event));
    const other = client.sleep({ text: '300' });
    // Who throws later has answered by then.
    const [outcome] = await Promise.allSettled([client.misbehave({ text: what })]);
    if (what.startsWith('throw-later')) expect(outcome.status).toBe('fulfilled');
    else expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', reason: 'WORKER_DIED' } });
    if (outcome.status === 'rejected') expect(String(outcome.reason.message)).toContain(words);
    await until(() => ended.length === 1);
    expect(ended[0]?.error?.message).toContain(words);
    expect(jobs.heard.some(({ message }) => message.includes(words))).toBe(true);
    expect(Number((await other).text)).toBeGreaterThan(0);
    await until(() => jobs.server.pool.stats.waiting === 2);
    expect(await client.echo({ text: 'again' })).toEqual({ text: 'again' });
  });

  it('that is blocked for long is late, and said to be so once.', async () => {
    await using jobs = await pooled({ maximum: 1, lateAfterMs: 100 });
    const late: PoolEvents['late'][] = [];
    jobs.server.pool.on('late', (event) => late.push(event));
    await jobs.client().block({ text: '600' });
    expect(late).toHaveLength(1);
    expect(late[0]).toMatchObject({ worker: 1, calls: 1 });
    expect(late[0]?.forMs).toBeGreaterThanOrEqual(100);
  });

  it('is started when too few wait, up to the maximum, and let go when too many do.', async () => {
    await using jobs = await pooled({ loWater: 1, hiWater: 2, increment: 1, maximum: 4 });
    const { pool } = jobs.server;
    const client = jobs.client();
    expect(pool.stats).toMatchObject({ starting: 0, waiting: 1, busy: 0 });
    const wake = new AbortController();
    const sleeping = [1, 2, 3].map(() => failure(client.sleep({ text: '60000' }, { signal: wake.signal })));
    await until(() => pool.stats.busy === 3 && pool.stats.waiting === 1);
    wake.abort();
    await Promise.all(sleeping);
    await until(() => pool.stats.busy === 0);
    await until(() => pool.stats.waiting === 2 && pool.stats.starting === 0);
  });

  it('is started or let go when the pool is resized, and nothing changes by knobs that make no sense.', async () => {
    await using jobs = await pooled({ loWater: 1, maximum: 1 });
    const { pool } = jobs.server;
    const started: number[] = [];
    pool.on('started', ({ worker }) => started.push(worker));
    pool.resize({ loWater: 3, hiWater: 3, maximum: 3 });
    await until(() => pool.stats.waiting === 3);
    expect(started).toHaveLength(2);
    expect(() => pool.resize({ maximum: 2 })).toThrow("pool.maximum: 2 workers in all can't be fewer than loWater, 3");
    expect(pool.knobs).toMatchObject({ loWater: 3, maximum: 3 });
    pool.resize({ loWater: 1, hiWater: 1, maximum: 1 });
    await until(() => pool.stats.waiting === 1);
    expect(await jobs.client().echo({ text: 'still' })).toEqual({ text: 'still' });
  });

  it.each<[string, ServiceModule, string]>([
    ['whose module is missing', { module: new URL('./missing.js', import.meta.url) }, 'test.Jobs: its module file:'],
    [
      'whose module has no such export',
      { module: jobsModule, export: 'Service' },
      'has no export "Service"; it exports JobsService, default',
    ],
    [
      'whose class has no definition beside it',
      { module: jobsModule, export: 'JobsService' },
      'has an implementation, but no definition of the service: export default implement(Jobs, …), or export the definition, too',
    ],
    ['whose module fails', { module: 'data:text/javascript,throw new Error("no luck")' }, "can't be loaded: no luck"],
    [
      'whose service is another',
      { module: 'data:text/javascript,export default { service: { typeName: "test.Other" }, implementation: {} }' },
      'implements test.Other',
    ],
  ])('%s can not be started, and the server does not listen.', async (_, module, words) => {
    const server = createCallgate({ config: {}, env: {} }).createServer({ pool: {}, onError: () => undefined });
    server.add(Jobs, module);
    const error = await failure(server.listen('inproc:never'));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'BAD_SERVICE' });
    expect(error.message).toContain(words);
    await server.close();
  });

  it('whose handlers are missing, or whose constructor throws, can not be started either.', async () => {
    await using jobs = await pooled({});
    const index = new URL('../index.js', import.meta.url).href;
    const definition = new URL('./testing/jobs.js', import.meta.url).href;
    const bad = async (body: string): Promise<string> => {
      const path = join(jobs.directory, `bad-${body.length}.mjs`);
      const imports = `import { implement } from ${JSON.stringify(index)}; import { Jobs } from ${JSON.stringify(definition)};`;
      writeFileSync(path, `${imports} export default implement(Jobs, ${body});`);
      const server = createCallgate({ config: {}, env: {} }).createServer({ pool: {}, onError: () => undefined });
      server.add(Jobs, { module: pathToFileURL(path) });
      const { message } = await failure(server.listen('inproc:never'));
      await server.close();
      return message;
    };
    expect(await bad('{ echo: (request) => request }')).toContain(
      'the implementation of test.Jobs has no handler for block, sleep',
    );
    expect(await bad('class Jobs2 { constructor() { throw new Error("no disk"); } }')).toBe(
      "test.Jobs: Jobs2 can't be made: no disk",
    );
    expect(await bad('class Jobs3 { constructor(store) {} }')).toContain(
      `test.Jobs: Jobs3 can't be made: TypeInfo not known for "Jobs3"`,
    );
  });

  it('can be given no functions: services are modules, and interceptors come from its setup.', async () => {
    const gate = createCallgate({ config: {}, env: {} });
    const server = gate.createServer({ pool: {}, interceptors: [(call, next) => next(call)] });
    expect(() => server.add(Jobs, {} as never)).toThrow(
      'test.Jobs: a server with a pool runs handlers in worker threads',
    );
    server.add(Jobs, { module: jobsModule });
    expect(await failure(server.listen('inproc:never'))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'UNSUPPORTED',
    });
    await server.close();
    expect(() => gate.createServer({ pool: {}, maxConcurrentCalls: 3 })).toThrow(
      'maxConcurrentCalls: a server with a pool is bounded by pool.maximum and pool.perWorker',
    );
    expect(() => gate.createServer().pool).toThrow('this server has no pool');
    expect(() => gate.createServer().add(Jobs, { module: './jobs.js' })).toThrow(
      `module: "./jobs.js" could be relative to anything`,
    );
  });
});
