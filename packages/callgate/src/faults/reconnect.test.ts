/** Clients whose servers come late, or go while nobody looks. */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { poll, processWays, useStage } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.each(processWays)('Over $scheme:, $mode,', ({ scheme, mode }) => {
  it('a call that waits for a connection is answered by the server that is started later.', async () => {
    const url = stage.url(scheme);
    const desk = await stage.client(mode === 'sync' ? stage.process() : stage.here, { url, mode });
    expect(await failure(desk.call('echo'))).toMatchObject({ code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    const waiting = desk.call('echo', { number: 6 }, { waitForReady: true, timeout: 60_000 });
    await stage.serve(stage.process(), url);
    expect(await waiting).toMatchObject({ number: 6 });
  });

  it('a call that waits for a connection waits no longer than its deadline.', async () => {
    const url = stage.url(scheme);
    const desk = await stage.client(mode === 'sync' ? stage.process() : stage.here, { url, mode });
    const error = await failure(desk.call('echo', {}, { waitForReady: true, timeout: 80 }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
    expect(error.message).toMatch(
      /^faults\.Desk\/Echo: it was not connected when its deadline passed, \d+ ms after it began \(.*/,
    );
    expect(error.message).toContain(url.slice(scheme.length + 1));
  });
});

describe.each(['shm', 'unix', 'fifo', 'tcp'] as const)('Over %s:', (scheme) => {
  it('a thread that only ever blocks goes on with the next server, though the last one never slept before it died.', async () => {
    const url = scheme === 'tcp' ? `tcp:127.0.0.1:${await freePort()}` : stage.url(scheme);
    const server = stage.process();
    await stage.serve(server, url, scheme === 'shm' ? { strategy: 'spin' } : {});
    const desk = await stage.client(stage.process(), { url, mode: 'sync' });
    const called = stage.path('called');
    const restarted = stage.path('restarted');
    const second = desk.blockBetweenCalls(called, restarted);
    await poll(() => existsSync(called)).toBe(true);
    await server.kill();
    await stage.serve(stage.process(), url);
    writeFileSync(restarted, '');
    expect(await second).toMatchObject({ text: 'second' });
  });
});
