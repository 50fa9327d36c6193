/** What is left when calls are over: nothing. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { poll, processWays, useStage, ways } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

/** Cycles before counting, for what is made once and kept. */
const WARM_UP = 5;
const CYCLES = 200;

describe.each(ways)('Over $scheme:, $mode,', ({ scheme, mode }) => {
  it('two hundred clients that connect, call and close leave no descriptor, mapping or file, at neither end.', async () => {
    const { url, server, caller, desk } = await stage.pair({ scheme, mode });
    await caller.do('cycles', { url, mode }, WARM_UP);
    await desk.close();
    const atRest = () => poll(() => server.do('stats', url)).toMatchObject({ links: 0, running: 0, queued: 0 });
    await atRest();
    const before = [await server.do('holds'), await caller.do('holds')];
    await caller.do('cycles', { url, mode }, CYCLES);
    await atRest();
    await poll(async () => [await server.do('holds'), await caller.do('holds')]).toEqual(before);
    await server.do('closeServer', url, 1000);
    expect(readdirSync(stage.scratch)).toEqual([]);
    expect(await server.do('heard')).toEqual([]);
  });

  it('a hundred calls that failed leave nothing either.', async () => {
    const { url, server, caller, desk } = await stage.pair({ scheme, mode });
    const fail = async () => {
      await expect(desk.call('hang', {}, { timeout: 1 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(desk.call('fail', { text: 'on purpose' })).rejects.toMatchObject({ code: 'UNKNOWN' });
    };
    for (let i = 0; i < WARM_UP; i++) await fail();
    const before = [await server.do('holds'), await caller.do('holds')];
    for (let i = 0; i < 50; i++) await fail();
    await poll(() => server.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
    expect([await server.do('holds'), await caller.do('holds')]).toEqual(before);
    expect((await desk.channel()).stats.inFlight).toBe(0);
  });
});

describe.each(processWays)('Over $scheme:, $mode,', (way) => {
  it('a client that has outlived its servers, at rest and in calls, holds no more than before.', async () => {
    const { url, server, caller, desk } = await stage.pair(way, { apart: true });
    await desk.call('echo');
    const before = await caller.do('holds');
    let last = server;
    for (let i = 0; i < 3; i++) {
      const hanging = i === 1 ? failure(desk.call('hang', { text: 'a' })) : undefined;
      if (hanging !== undefined) await last.event('a began');
      await last.kill();
      await hanging;
      last = stage.process();
      await stage.serve(last, url);
      await desk.call('echo');
    }
    // Of killed puppets the pipes go a little later; they are this process's, not the client's.
    if (caller !== stage.here) expect(await caller.do('holds')).toEqual(before);
    else expect((await caller.do('holds')).mappings).toBe(before.mappings);
  });
});
