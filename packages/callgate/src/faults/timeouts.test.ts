/** Timeouts at the edges of what timers and clocks can do. */
import { describe, expect, it } from 'vitest';
import { moreWays, useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each([...ways, ...moreWays])('Over $scheme:, $mode,', (way) => {
  it('timeouts longer than timers can be let a call take its time.', async () => {
    const { desk } = await stage.pair(way);
    for (const timeout of [2 ** 31, Number.POSITIVE_INFINITY, 'never', { send: 2 ** 33, reply: 2 ** 31 }] as const) {
      expect(await desk.call('wait', { text: 'done', number: 20 }, { timeout })).toMatchObject({ text: 'done' });
    }
  });

  it('a timeout of 0 has passed before anything is sent.', async () => {
    const { server, desk } = await stage.pair(way);
    await desk.call('echo');
    for (const timeout of [0, { send: 0 }, { send: 0, reply: 'never' }] as const) {
      await expect(desk.call('echo', { text: 'never' }, { timeout })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        reason: 'DEADLINE',
        failed: 'call',
        message: 'faults.Desk/Echo: its deadline had passed before it began',
      });
    }
    await desk.call('echo', { text: 'later' });
    await server.event('later echoed');
    expect(server.count('never echoed')).toBe(0);
  });

  it('a timeout that is none is refused in words, by the client and by the call.', async () => {
    const { url, caller, desk } = await stage.pair(way);
    const refused = (message: RegExp) => ({
      code: 'INVALID_ARGUMENT',
      reason: 'BAD_OPTION',
      message: expect.stringMatching(message),
    });
    for (const timeout of [-1, Number.NaN]) {
      const words = new RegExp(`^timeout: expected 'never', 'immediate', .* found ${timeout}$`);
      await expect(desk.call('echo', {}, { timeout })).rejects.toMatchObject(refused(words));
      const made = stage.client(caller, { url, mode: way.mode, settings: { timeout } });
      const ofClient = new RegExp(
        `^bad options for faults.Desk: timeout: expected never, immediate, .* found ${timeout}$`,
      );
      await expect(made).rejects.toMatchObject(refused(ofClient));
    }
  });
});
