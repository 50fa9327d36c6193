/** Links that are full, since the peer does not read, and what is closed then. */
import { describe, expect, it } from 'vitest';
import { poll, processSchemes, type Scheme, useStage } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

/** More than any link here holds: shm: takes 64 KiB, unix: what the kernel and one batch take. */
const CALLS = 100;
const data = new Uint8Array(16_000);
const listen = (scheme: Scheme) => (scheme === 'shm' ? { maxMessageBytes: 20_000, ringBytes: 65_536 } : {});

describe.each(processSchemes)('Over %s:, with the link full,', (scheme) => {
  it('a client can abort, expire and close; its server, once it goes on, is none the worse.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode: 'async' }, { listen: listen(scheme) });
    await desk.call('echo');
    server.signal('SIGSTOP');
    const aborted = failure(desk.call('hang', { text: 'a' }, { signal: 'mind' }));
    const expired = failure(desk.call('hang', { text: 'b' }, { timeout: 50 }));
    const crowd = desk.crowd(CALLS, 'echo', { data });
    await desk.abort('mind', 'enough');
    expect(await aborted).toMatchObject({ code: 'CANCELLED', reason: 'ABORTED_BY_CALLER' });
    expect(await expired).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const closed = desk.close();
    expect(await crowd).toMatchObject({
      answered: 0,
      errors: [
        { code: 'CANCELLED', reason: 'CLOSED', message: 'faults.Desk/Echo: the client was closed', times: CALLS },
      ],
    });
    server.signal('SIGCONT');
    await closed;
    await poll(() => server.do('stats', url)).toMatchObject({ links: 0, running: 0, queued: 0 });
    const next = await stage.client(stage.here, { url, mode: 'async' });
    expect(await next.call('echo', { number: 1 })).toMatchObject({ number: 1 });
  });

  it('a server can close, and others are served until then.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url, listen(scheme));
    const clog = stage.process();
    const desk = await stage.client(clog, { url, mode: 'async' });
    // All of them run at once, and are answered when their caller does not read any more.
    const crowd = desk.crowd(CALLS, 'held', { text: 'all', data });
    await poll(() => stage.here.do('stats', url)).toMatchObject({ running: CALLS });
    clog.signal('SIGSTOP');
    await stage.here.do('release', 'all');
    await poll(() => stage.here.do('stats', url)).toMatchObject({ running: 0 });
    const other = await stage.client(stage.process(), { url, mode: 'sync' });
    expect(await other.call('echo', { number: 2 })).toMatchObject({ number: 2 });
    await stage.here.do('closeServer', url, 100);
    expect(await stage.here.do('stats', url)).toMatchObject({ links: 0, running: 0, queued: 0 });
    clog.signal('SIGCONT');
    const { answered, errors } = await crowd;
    expect(answered).toBeGreaterThan(0);
    expect(errors).toMatchObject([{ code: 'UNAVAILABLE', failed: 'channel', times: CALLS - answered }]);
  });
});
