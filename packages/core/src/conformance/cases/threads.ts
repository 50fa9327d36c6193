import assert from 'node:assert/strict';
import { expectEndIs, expectHarmless } from '../expectations.js';
import type { Suite } from '../suite.js';
import { drain, expectEnd, expectMessages, meanwhile } from '../traffic.js';
import { died, exchange } from './victims.js';

/** Peers on other threads of this process, some of which are terminated. */
export function threads(suite: Suite): void {
  const { it, expected, ways } = suite;
  if (!expected.reach.worker) return;

  it('gives each of several threads links of its own', async (stage) => {
    const clients = await Promise.all([1, 2, 3].map(() => stage.client('worker')));
    await Promise.all(clients.map(({ peer, link }) => exchange(stage, suite, peer, link)));
  });

  if (!expected.capabilities.peerDeath) return;

  for (const role of ['client', 'server'] as const) {
    it(`learns that the thread of its ${role} was terminated: UNAVAILABLE (PEER_DIED)`, async (stage) => {
      const { peer, link } = await stage[role]('worker');
      const wait = link.whenReadable(Number.POSITIVE_INFINITY);
      await peer.kill();
      assert.equal(await stage.within(wait, 'whenReadable'), true);
      expectEndIs(await expectEnd(link, stage.patienceMs), died);
      await expectHarmless(link, false);
    });
  }

  it('survives the termination of one thread: other threads and links of the process go on', async (stage) => {
    const at = await stage.listen();
    const members = [];
    for (let i = 0; i < 3; i++) {
      const peer = await stage.peer('worker');
      await peer.call('connect', { url: at.url, timeoutMs: stage.patienceMs });
      members.push({ peer, link: await at.accepted() });
    }
    await members[1]!.peer.kill();
    expectEndIs(await expectEnd(members[1]!.link, stage.patienceMs), died);
    for (const index of [0, 2]) await exchange(stage, suite, members[index]!.peer, members[index]!.link);
  });

  if (ways.some((way) => way.forth)) {
    it('delivers what a terminated thread committed, and nothing of what it was writing', async (stage) => {
      const { peer, link } = await stage.client('worker');
      const sizes = [10, 200].slice(0, expected.holds - 1);
      await peer.call('send', { from: 0, sizes });
      await peer.call('writeHalf', { size: Math.min(link.maxMessageBytes, 1000) });
      await peer.kill();
      await expectMessages(link, 0, sizes, stage.patienceMs);
      expectEndIs(await expectEnd(link, stage.patienceMs), died);
    });

    it('delivers whole messages in order of a thread that is terminated while it floods', async (stage) => {
      const { peer, link } = await stage.client('worker');
      await peer.begin('flood', { from: 0, size: 100 });
      const received = meanwhile(drain(link, 0, 100, stage.patienceMs));
      await peer.kill();
      assert.ok((await received) >= 0);
      expectEndIs(link.end, died);
    });
  }

  it('can listen at the address of a terminated thread', async (stage) => {
    const { peer, url } = await stage.server('worker');
    await peer.kill();
    const at = await stage.listen(url);
    await stage.connect(at.url);
    await at.accepted();
  });
}
