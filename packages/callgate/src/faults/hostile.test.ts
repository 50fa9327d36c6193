/** Peers over shm: that write what they like into the memory: their links end with a reason, and no other link notices. */
import { describe, expect, it } from 'vitest';
import type { Puppet } from './testing/puppets.js';
import type { Stranger } from './testing/python.js';
import { fileOf, poll, type RemoteClient, useStage } from './testing/stage.js';

const stage = useStage();

interface Scene {
  readonly url: string;
  readonly server: Puppet;
  readonly good: RemoteClient;
  readonly peer: Stranger;
  /** The good client has had no trouble, and nothing is left of the hostile one. */
  undisturbed(): Promise<void>;
}

/** A server, a good client that is at work, and a hostile one. */
async function scene(act: string): Promise<Scene> {
  const url = stage.url('shm');
  const server = stage.process();
  await stage.serve(server, url, { maxMessageBytes: 65_536 });
  const good = await stage.client(stage.here, { url, mode: 'async' });
  await good.call('echo');
  const before = await server.do('holds');
  const work = good.sum(500);
  const peer = stage.stranger('hostile.py', fileOf(url), act);
  return {
    url,
    server,
    good,
    peer,
    async undisturbed() {
      expect(await work).toBe((500 * 499) / 2);
      expect((await good.channel()).lastEnd).toBeUndefined();
      await poll(() => server.do('stats', url)).toMatchObject({ links: 1, running: 0, queued: 0 });
      await poll(() => server.do('holds')).toEqual(before);
      const newcomer = await stage.client(stage.here, { url, mode: 'async' });
      expect(await newcomer.call('echo', { number: 1 })).toMatchObject({ number: 1 });
    },
  };
}

const broke = 'broke the layout of the ring: ';

describe('A peer that', () => {
  it.each([
    ['publishes more than there is', 'tail_ahead', `${broke}its tail is \\d+ bytes ahead in a ring of \\d+`],
    ['takes back what it published', 'tail_back', `${broke}its tail is \\d+ bytes ahead in a ring of \\d+`],
    ['writes a length that can not be', 'negative_length', `${broke}the record at \\d+ has the length -77`],
    [
      'writes a length over all there is',
      'length_over_ring',
      `${broke}the record at \\d+ claims \\d+ bytes, more than`,
    ],
    ['skips for ever', 'wrap_for_ever', `${broke}the record at 0 has the length -1`],
    ['sends what is no envelope', 'no_envelope', 'broke the protocol: it sent a message that does not start with'],
  ])('%s is disconnected with that reason.', async (_what, act, words) => {
    const { server, peer, undisturbed } = await scene(act);
    await peer.says('done');
    peer.tell('stay');
    await peer.says('hung');
    expect(await server.do('heard')).toMatchObject([
      {
        code: 'DATA_LOSS',
        reason: 'PROTOCOL_VIOLATION',
        failed: 'channel',
        message: expect.stringMatching(new RegExp(words)),
      },
    ]);
    await undisturbed();
  });

  it('sends more than the limit is disconnected with that reason.', async () => {
    const { server, peer, undisturbed } = await scene('length_over_limit');
    await peer.says('done');
    peer.tell('stay');
    await peer.says('hung');
    expect(await server.do('heard')).toMatchObject([
      {
        code: 'RESOURCE_EXHAUSTED',
        reason: 'MESSAGE_TOO_LARGE',
        failed: 'channel',
        message: expect.stringMatching(/sent a message of 70000 bytes; this side accepts at most 65536/),
      },
    ]);
    await undisturbed();
  });

  it('scribbles over everything while it is served is disconnected.', async () => {
    const { server, peer, undisturbed } = await scene('scribble');
    await peer.says('done');
    peer.tell('leave');
    await peer.ended;
    for (const { reason } of await server.do('heard')) {
      expect(reason).toMatch(/^(PROTOCOL_VIOLATION|MESSAGE_TOO_LARGE|VERSION_MISMATCH)$/);
    }
    await undisturbed();
  });

  it.each([
    ['ends and goes on', 'late_end'],
    ['lies about what it has read', 'head_lies'],
    ['rings without end', 'bell_storm'],
    ['never says that it is awake, and never hears the bell', 'sleeps_never'],
    ['tries to shrink the memory, and punches holes into it', 'shrink'],
    ['asks for what does not exist', 'odd_calls'],
    ['changes its requests while they are decoded', 'tear'],
  ])('%s harms nobody else.', async (_what, act) => {
    const { server, peer, undisturbed } = await scene(act);
    await peer.says('done');
    peer.tell('leave');
    await peer.ended;
    for (const { code } of await server.do('heard')) expect(code).toMatch(/^(DATA_LOSS|FAILED_PRECONDITION)$/);
    await undisturbed();
  });
});
