/** Clients that die with calls in flight. */
import { describe, expect, it } from 'vitest';
import { poll, schemes, useStage, ways } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

const gone = { code: 'UNAVAILABLE', reason: 'PEER_DIED' };

describe.each(ways)('A client over $scheme:, $mode, that is killed with calls running', ({ scheme, mode }) => {
  it('stops its handlers, and nobody else notices.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    const [victim, other] = [stage.elsewhere(scheme), stage.elsewhere(scheme)];
    const others = await stage.client(other, { url, mode: 'async' });
    const going = failure(others.call('hang', { text: 'other' }, { signal: 'enough' }));
    await stage.here.event('other began');

    const crowd = mode === 'async' ? ['a', 'b', 'c'] : ['a'];
    const desk = await stage.client(victim, { url, mode });
    const lost = crowd.map((text) => failure(desk.call('hang', { text })));
    for (const text of crowd) await stage.here.event(`${text} began`);
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 2, running: crowd.length + 1 });

    await victim.kill();
    for (const text of crowd) expect(await stage.here.event(`${text} stopped`)).toEqual(gone);
    await Promise.all(lost);
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 1, running: 1, queued: 0 });
    expect(await others.call('echo', { number: 6 })).toMatchObject({ number: 6 });

    await others.abort('enough', 'enough');
    expect((await going).code).toBe('CANCELLED');
    await others.close();
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 0, running: 0, queued: 0 });
    // A client that dies is the server's daily life, no error of its own.
    expect(await stage.here.do('heard')).toEqual([]);
  });
});

describe.each(schemes)('A client over %s: that is killed', (scheme) => {
  it('leaves the queue of calls that wait for their turn, and gives back what an immediate call had reserved.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url, {}, { maxConcurrentCalls: 2 });
    const stay = await stage.client(stage.elsewhere(scheme), { url, mode: 'async' });
    const first = failure(stay.call('hang', { text: 'first' }, { signal: 'enough' }));
    await stage.here.event('first began');

    const victim = stage.elsewhere(scheme);
    const desk = await stage.client(victim, { url, mode: 'async', settings: { immediateGraceMs: 10_000 } });
    const lost = [
      failure(desk.call('hang', { text: 'runs' }, { timeout: 'immediate' })),
      ...['one', 'two', 'three'].map((text) => failure(desk.call('hang', { text }))),
    ];
    await poll(() => stage.here.do('stats', url)).toMatchObject({ running: 2, queued: 3 });
    await victim.kill();
    await Promise.all(lost);
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 1, running: 1, queued: 0 });
    expect(await stay.call('echo', { number: 8 })).toMatchObject({ number: 8 });
    await stay.abort('enough', 'enough');
    await first;
    await poll(() => stage.here.do('stats', url)).toMatchObject({ running: 0 });
  });
});
