/** Calls that nobody answers. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { poll, processSchemes, processWays, useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each(ways)('A one-way call over $scheme:, $mode,', (way) => {
  it('arrives, in order, and what its handler throws is told to the server.', async () => {
    const { url, server, desk } = await stage.pair(way);
    for (const text of ['a', 'throw', 'b']) expect(await desk.call('drop', { text })).toBeUndefined();
    await server.event('b dropped');
    expect(server.count('a dropped')).toBe(1);
    await poll(() => server.do('heard')).toMatchObject([
      { code: 'UNKNOWN', reason: 'HANDLER_FAILED', message: 'dropped on the floor' },
    ]);
    expect((await desk.channel()).stats).toEqual({ inFlight: 0, lateReplies: 0, lateItems: 0 });
    expect(await server.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
  });
});

describe.each(processWays)('A one-way call over $scheme:, $mode,', (way) => {
  it('to a server that died says so.', async () => {
    const { server, desk } = await stage.pair(way, { apart: true });
    await desk.call('drop');
    await server.kill();
    await expect(desk.call('drop')).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
  });
});

describe.each(processSchemes)('A one-way call over %s:', (scheme) => {
  it('that awaits returns though the server is busy; one that blocks waits until the server has taken it.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode: 'async' });
    const blocking = await stage.client(stage.process(), { url, mode: 'sync' });
    await blocking.call('echo');
    const done = stage.path('done');
    const busy = desk.call('busy', { text: done });
    await server.event('busy');
    expect(await desk.call('drop', { text: 'awaited' })).toBeUndefined();
    await expect(blocking.call('drop', { text: 'late' }, { timeout: 100 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'DEADLINE',
    });
    expect(server.count('awaited dropped')).toBe(0);
    writeFileSync(done, '');
    await busy;
    await server.event('awaited dropped');
    expect(await blocking.call('drop', { text: 'taken' })).toBeUndefined();
    await server.event('taken dropped');
  });
});
