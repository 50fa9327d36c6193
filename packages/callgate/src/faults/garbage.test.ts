/** Peers that are not Callgate's: whatever they do, a good client goes on undisturbed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Puppet } from './testing/puppets.js';
import { fileOf, poll, processSchemes, type RemoteClient, type Scheme, useStage } from './testing/stage.js';

const stage = useStage();

let url: string;
let server: Puppet;
let good: RemoteClient;
/** What the good client works on meanwhile. */
let work: Promise<number>;

async function serve(scheme: Scheme): Promise<void> {
  url = stage.url(scheme);
  server = stage.process();
  await stage.serve(server, url, {}, { greetTimeoutMs: 500 });
  good = await stage.client(stage.process(), { url, mode: 'sync' });
  await good.call('echo');
  work = good.sum(500);
}

const heard = () => poll(() => server.do('heard'));

/** The good client has had no trouble, and nothing is left of the strangers. */
async function undisturbed(): Promise<void> {
  expect(await work).toBe((500 * 499) / 2);
  expect(await good.call('echo', { number: 1 })).toMatchObject({ number: 1 });
  expect((await good.channel()).lastEnd).toBeUndefined();
  await poll(() => server.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
}

describe('A server over unix:', () => {
  beforeEach(() => serve('unix'));
  afterEach(undisturbed);

  it.each([
    ['random bytes', 'garbage', /does not speak Callgate: it began with 00/],
    [
      'HTTP',
      'http',
      /does not speak Callgate: it began with 47 45 54 20 .* \("GET \/ HT"\); is it a server of another transport\?$/,
    ],
  ])('tells who sends %s that he is a stranger, and hangs up.', async (_what, act, words) => {
    const peer = stage.stranger('garbage.py', fileOf(url), act);
    await peer.says('done');
    await heard().toMatchObject([
      { code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION', failed: 'channel', message: expect.stringMatching(words) },
    ]);
    peer.tell('listen');
    await peer.says('heard');
  });

  it('hangs up on who greets and then sends a message that is none, and knows why.', async () => {
    const peer = stage.stranger('garbage.py', fileOf(url), 'framed');
    await peer.says('done');
    const words = /broke the protocol: it sent a message that does not start with the magic number of an envelope$/;
    await heard().toMatchObject([
      { code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION', failed: 'channel', message: expect.stringMatching(words) },
    ]);
    peer.tell('listen');
    await peer.says('heard');
  });

  it('does not wait for ever for who greets and then says nothing.', async () => {
    const peer = stage.stranger('garbage.py', fileOf(url), 'greeting');
    await peer.says('done');
    await heard().toMatchObject([
      {
        code: 'DEADLINE_EXCEEDED',
        reason: 'DEADLINE',
        message: `waiting for the greeting of ${url}: the deadline passed`,
      },
    ]);
    peer.tell('listen');
    await peer.says('heard');
  });

  it.each(['half', 'nothing'])('does not care who says %s of a greeting and goes.', async (act) => {
    const peer = stage.stranger('garbage.py', fileOf(url), act);
    await peer.says('done');
    peer.tell('go');
    await peer.ended;
    await heard().toMatchObject([{ code: 'UNAVAILABLE', reason: 'PEER_DIED' }]);
  });
});

describe('A server over shm:', () => {
  beforeEach(() => serve('shm'));
  afterEach(undisturbed);

  it.each(['garbage', 'http', 'half', 'nothing'])(
    'hangs up on who takes the memory, uses it for nothing and says %s at the rendezvous.',
    async (act) => {
      const peer = stage.stranger('garbage.py', fileOf(url), act);
      // Garbage is not read, and its sender waits until the server hangs up.
      if (act !== 'garbage') await peer.says('done');
      await heard().toMatchObject([
        {
          code: 'DEADLINE_EXCEEDED',
          reason: 'DEADLINE',
          message: `waiting for the greeting of ${url}: the deadline passed`,
        },
      ]);
      peer.tell('listen');
      await peer.says('heard');
    },
  );
});

describe.each(processSchemes)('A server over %s:', (scheme) => {
  beforeEach(() => serve(scheme));
  afterEach(undisturbed);

  it('survives a crowd that comes and goes.', async () => {
    const before = await server.do('holds');
    const crowds = ['crowd', 'crowd', 'crowd'].map((act) => stage.stranger('garbage.py', fileOf(url), act));
    for (const peer of crowds) await peer.says('done');
    for (const peer of crowds) peer.tell('go');
    for (const peer of crowds) await peer.ended;
    await poll(() => server.do('holds')).toEqual(before);
    for (const { code } of await server.do('heard'))
      expect(code).toMatch(/^(UNAVAILABLE|DATA_LOSS|DEADLINE_EXCEEDED)$/);
  });
});
