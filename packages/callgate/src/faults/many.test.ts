/** Many clients and servers in one process, and in its threads. */
import { describe, expect, it } from 'vitest';
import { dismissPuppets } from './testing/puppets.js';
import { poll, schemes, useStage, ways } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

describe('One process', () => {
  it('holds many servers and many clients of all transports at once.', async () => {
    const urls = Array.from({ length: 12 }, (_, i) => stage.url(schemes[i % schemes.length]!));
    for (const url of urls) await stage.serve(stage.here, url);
    const clients = await Promise.all(
      [...urls, ...urls].map((url) => stage.client(stage.here, { url, mode: 'async' })),
    );
    const replies = await Promise.all(clients.map((desk, number) => desk.call('echo', { number })));
    expect(replies).toEqual(replies.map((_, number) => expect.objectContaining({ number })));
    for (const url of urls) expect(await stage.here.do('stats', url)).toMatchObject({ links: 2 });
    // One of them goes; the others stay.
    await stage.here.do('closeServer', urls[0]!, 0);
    await expect(clients[0]!.call('echo')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all(clients.slice(1, 12).map((desk) => desk.call('echo')));
  });

  it('serves one desk at several addresses of several transports.', async () => {
    const urls = schemes.map((scheme) => stage.url(scheme));
    await stage.serve(stage.here, urls[0]!);
    for (const url of urls.slice(1)) await stage.here.do('listenToo', urls[0]!, url);
    for (const url of urls) {
      const desk = await stage.client(stage.here, { url, mode: 'async' });
      expect(await desk.call('whoami')).toMatchObject({ pid: process.pid });
    }
    expect(await stage.here.do('stats', urls[0]!)).toMatchObject({ links: 3 });
  });
});

describe.each(schemes)('Over %s:', (scheme) => {
  it('four threads that block call one server at once, each on its own link.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    const threads = Array.from({ length: 4 }, () => stage.worker());
    const clients = await Promise.all(threads.map((at) => stage.client(at, { url, mode: 'sync' })));
    // All four block at once: none is answered before the last one has begun.
    const calls = Promise.all(clients.map((desk) => desk.call('held', { text: 'all' })));
    await poll(() => stage.here.do('stats', url)).toMatchObject({ running: 4 });
    await stage.here.do('release', 'all');
    expect(await calls).toHaveLength(4);
    expect(await Promise.all(clients.map((desk) => desk.sum(500)))).toEqual(clients.map(() => (500 * 499) / 2));
    expect(await stage.here.do('stats', url)).toMatchObject({ links: 4, running: 0, queued: 0 });
  });

  it('a thread that is terminated while it blocks in a call lets go of everything, and nobody else notices.', async () => {
    // Rested threads would be missing afterwards.
    await dismissPuppets();
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    const other = await stage.client(stage.worker(), { url, mode: 'sync' });
    await other.call('echo');
    const before = await stage.here.do('holds');
    const victim = stage.worker();
    const desk = await stage.client(victim, { url, mode: 'sync' });
    const lost = failure(desk.call('hang', { text: 'a' }));
    await stage.here.event('a began');
    await victim.kill();
    expect(await stage.here.event('a stopped')).toMatchObject({ reason: 'PEER_DIED' });
    expect((await lost).message).toBe('the puppet has ended');
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
    await poll(() => stage.here.do('holds')).toEqual(before);
    expect(await other.call('echo', { number: 1 })).toMatchObject({ number: 1 });
  });
});

describe.each(schemes)('Over %s:', (scheme) => {
  it('a server in a thread that is terminated is gone, and its callers know.', async () => {
    const thread = stage.worker();
    const url = stage.url(scheme);
    await stage.serve(thread, url);
    const awaiting = await stage.client(stage.here, { url, mode: 'async' });
    const blocking = await stage.client(stage.worker(), { url, mode: 'sync' });
    const lost = [awaiting.call('hang', { text: 'a' }), blocking.call('hang', { text: 'b' })].map(failure);
    for (const text of ['a', 'b']) await thread.event(`${text} began`);
    await thread.kill();
    for (const error of await Promise.all(lost)) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED', failed: 'channel' });
    }
    await stage.serve(stage.here, url);
    for (const desk of [awaiting, blocking])
      expect(await desk.call('echo', { number: 2 })).toMatchObject({ number: 2 });
  });
});

describe.each(ways.filter(({ mode }) => mode === 'sync'))('Over $scheme:', ({ scheme }) => {
  it('a thread that would block for a server of its own is told so instead.', async () => {
    const url = stage.url(scheme);
    const thread = stage.worker();
    await stage.serve(thread, url);
    const desk = await stage.client(thread, { url, mode: 'sync' });
    await expect(desk.call('echo', {}, { timeout: 3000 })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SELF_DEADLOCK',
      message: expect.stringMatching(/^faults\.Desk\/Echo: it would wait for itself: .* Serve from another thread/),
    });
  });
});
