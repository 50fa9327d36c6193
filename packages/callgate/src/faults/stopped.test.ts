/** Servers that are stopped for a while: not dead, only silent. */
import { describe, expect, it } from 'vitest';
import { processWays, useStage } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

describe.each(processWays)('A server over $scheme:, $mode, that is stopped by SIGSTOP', ({ scheme, mode }) => {
  it('is not taken for dead: calls end by their timeouts, and it works on after SIGCONT; its late reply is counted.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { apart: true });
    await desk.call('echo');
    server.signal('SIGSTOP');
    await expect(desk.call('echo', { text: 'late' }, { timeout: 100 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'DEADLINE',
      failed: 'call',
      message: expect.stringMatching(
        /^faults\.Desk\/Echo: it was not answered when its deadline passed, \d+ ms after it began$/,
      ),
    });
    await expect(desk.call('echo', { text: 'refused' }, { timeout: 'immediate' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'NOT_READY',
    });
    expect(await desk.channel()).toMatchObject({ lastEnd: undefined, stats: { inFlight: 0, lateReplies: 0 } });
    expect((await desk.channel()).peer?.credentials?.pid).toBe(server.pid);

    server.signal('SIGCONT');
    expect(await desk.call('echo', { text: 'again' })).toMatchObject({ text: 'again' });
    await server.event('again echoed');
    // The request was there when the server woke, so it was run and answered.
    await server.event('late echoed');
    expect(server.count('refused echoed')).toBe(0);
    expect((await desk.channel()).stats).toEqual({ inFlight: 0, lateReplies: 1, lateItems: 0 });
    expect(await server.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
  });

  it('lets a call without a timeout wait, and who connects meanwhile, until SIGCONT or their timeouts.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { apart: true });
    await desk.call('echo');
    server.signal('SIGSTOP');
    let answered = false;
    const patient = desk.call('echo', { text: 'patient' }).then((reply) => {
      answered = true;
      return reply;
    });
    const newcomer = await stage.client(mode === 'async' ? stage.here : stage.process(), { url, mode });
    const error = await failure(newcomer.call('echo', {}, { timeout: 100 }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
    expect(error.message).toMatch(/^faults\.Desk\/Echo: /);
    expect(answered).toBe(false);
    server.signal('SIGCONT');
    expect(await patient).toMatchObject({ text: 'patient' });
    expect(await newcomer.call('echo', { number: 9 })).toMatchObject({ number: 9 });
  });
});
