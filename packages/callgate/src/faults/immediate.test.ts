/** Calls that begin only if the server can take them now. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { moreWays, poll, useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each([...ways, ...moreWays])('An immediate call over $scheme:, $mode,', ({ scheme, mode }) => {
  it('runs when the server is ready.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { client: { immediateGraceMs: 10_000 } });
    for (const timeout of ['immediate', { send: 'immediate', reply: 5000 }] as const) {
      expect(await desk.call('echo', { number: 3 }, { timeout })).toMatchObject({ number: 3 });
    }
    expect(await server.do('stats', url)).toMatchObject({ running: 0, queued: 0 });
  });

  it('is refused when a handler keeps the server busy, which is still so then, and is never run.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { apart: true });
    await desk.call('echo');
    const done = stage.path('done');
    const hog = await stage.client(stage.here, { url, mode: 'async' });
    const busy = hog.call('busy', { text: done });
    await server.event('busy');
    await expect(desk.call('echo', { text: 'refused' }, { timeout: 'immediate' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'NOT_READY',
      failed: 'call',
      message: "faults.Desk/Echo: not begun, since the callee had not said that it is ready (timeout: 'immediate')",
    });
    // Only now may the handler go on.
    writeFileSync(done, '');
    expect(await busy).toMatchObject({ text: done });
    await desk.call('echo', { text: 'later' });
    await server.event('later echoed');
    expect(server.count('refused echoed')).toBe(0);
    await poll(() => server.do('stats', url)).toMatchObject({ running: 0, queued: 0 });
  });

  it('is refused when all handlers that may run at once do, and is never run.', async () => {
    const { url, server, desk } = await stage.pair(
      { scheme, mode },
      { apart: true, server: { maxConcurrentCalls: 1 }, client: { immediateGraceMs: 10_000 } },
    );
    await desk.call('echo');
    const hog = await stage.client(stage.here, { url, mode: 'async' });
    const running = hog.call('hang', { text: 'hog' }, { signal: 'enough' });
    await server.event('hog began');
    await expect(desk.call('echo', { text: 'refused' }, { timeout: 'immediate' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'NOT_READY',
      failed: 'call',
      message: "faults.Desk/Echo: not begun, since no handler is ready (timeout: 'immediate')",
    });
    await hog.abort('enough', 'enough');
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await server.event('hog stopped');
    expect(await desk.call('echo', { text: 'later' }, { timeout: 'immediate' })).toMatchObject({ text: 'later' });
    expect(server.count('refused echoed')).toBe(0);
  });
});
