import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Link } from '../../transport/contract.js';
import { monotonicMs } from '../clock.js';
import { expectEndIs, expectHarmless, expectThrows } from '../expectations.js';
import { fillToPeer } from '../full.js';
import type { RemotePeer } from '../peer/remote.js';
import type { Suite } from '../suite.js';
import { check, drain, expectEnd, expectMessages, next, send } from '../traffic.js';
import { dyingBeforeBlocked } from './death-blocked.js';
import { notDead } from './not-dead.js';
import { died, exchange, kill, knownInTime } from './victims.js';

/** A peer in another process that is killed, or only stopped. */
export function death(suite: Suite): void {
  const { it, ways, expected } = suite;
  if (!expected.reach.process) return;
  notDead(suite);
  if (!expected.capabilities.peerDeath) {
    it('is released by its own side after the peer was killed, though it need not know', async (stage) => {
      const { peer, link } = await stage.client('process');
      await peer.kill();
      await stage.within(link.close(performance.now() + 50), 'close');
      await expectHarmless(link, false);
    });
    return;
  }
  const peerCanSend = ways.some((way) => way.forth);
  const peerCanReceive = ways.some((way) => !way.forth);
  for (const role of ['client', 'server'] as const) atRest(suite, role);
  if (peerCanSend) midMessage(suite);
  if (peerCanReceive) withMessagesFor(suite);
  exits(suite);
  if (expected.capabilities.blocking) dyingBeforeBlocked(suite);

  it('leaves the other links of a listener, and the listener, unharmed by one dead client', async (stage) => {
    const at = await stage.listen();
    const peers: RemotePeer[] = [];
    const links: Link[] = [];
    for (let i = 0; i < 3; i++) {
      const peer = await stage.peer('process');
      peers.push(peer);
      await peer.call('connect', { url: at.url, timeoutMs: stage.patienceMs });
      links.push(await at.accepted());
    }
    kill(peers[1]!);
    expectEndIs(await expectEnd(links[1]!, stage.patienceMs), died);
    for (const i of [0, 2]) await exchange(stage, suite, peers[i]!, links[i]!);
    await stage.connect(at.url);
    await at.accepted();
  });

  it('can listen at the address of a killed server', async (stage) => {
    const { peer, url, link } = await stage.server('process');
    await peer.kill();
    await expectEnd(link, stage.patienceMs);
    const at = await stage.listen(url);
    await stage.connect(at.url);
    await at.accepted();
  });
}

function atRest({ it }: Suite, role: 'client' | 'server'): void {
  it(`whenReadable tells within 100 ms that an idle ${role} was killed: UNAVAILABLE (PEER_DIED)`, async (stage) => {
    await knownInTime(async () => {
      const { peer, link } = await stage[role]('process');
      const wait = link.whenReadable(Number.POSITIVE_INFINITY);
      await setImmediate();
      const at = kill(peer);
      assert.equal(await stage.within(wait, 'whenReadable'), true);
      const elapsed = monotonicMs() - at;
      expectEndIs(await expectEnd(link, stage.patienceMs), died);
      expectEndIs(await stage.within(link.closed, '`closed`'), died);
      await expectHarmless(link, false);
      return elapsed;
    });
  });

  it(`closed tells within 100 ms that an idle ${role} was killed, though nobody waits`, async (stage) => {
    await knownInTime(async () => {
      const { peer, link } = await stage[role]('process');
      const at = kill(peer);
      const end = await stage.within(link.closed, '`closed`');
      const elapsed = monotonicMs() - at;
      expectEndIs(end, died);
      await expectHarmless(link, false);
      return elapsed;
    });
  });
}

function midMessage({ it, expected }: Suite): void {
  it('delivers what was committed, and nothing of the message that the killed peer was writing', async (stage) => {
    await knownInTime(async () => {
      const { peer, link } = await stage.client('process');
      const sizes = [10, 0, 300].slice(0, expected.holds - 1);
      await peer.call('send', { from: 0, sizes });
      await peer.call('writeHalf', { size: Math.min(link.maxMessageBytes, 1000) });
      const at = kill(peer);
      await expectMessages(link, 0, sizes, stage.patienceMs);
      const end = await expectEnd(link, stage.patienceMs);
      const elapsed = monotonicMs() - at;
      expectEndIs(end, died);
      return elapsed;
    });
  });

  it('delivers whole messages only when the peer is killed with its link full of large ones', async (stage) => {
    // A stream is cut wherever its buffer ends: sizes that do not divide each other cut different messages.
    for (const part of [1, 0.37, 0.061]) {
      const { peer, link } = await stage.client('process');
      const size = Math.ceil(link.maxMessageBytes * part);
      const count = await peer.call('fill', { from: 0, size, settlingMs: stage.settlingMs });
      await peer.kill();
      const received = await drain(link, 0, size, stage.patienceMs);
      assert.ok(received <= count, `received ${received} of ${count}`);
      expectEndIs(link.end, died);
      await expectHarmless(link, false);
    }
  });

  it('delivers whole messages in order when the peer is killed while it floods, and tells within 100 ms', async (stage) => {
    for (const size of [100, 20_000]) {
      await knownInTime(async () => {
        const { peer, link } = await stage.client('process');
        const bytes = Math.min(link.maxMessageBytes, size);
        await peer.begin('flood', { from: 0, size: bytes });
        let index = 0;
        for (; index < 500; index++) {
          const span = await next(link, stage.patienceMs);
          assert.ok(span !== null, 'the flood ended by itself');
          check(span, index, bytes);
          link.release();
        }
        const at = kill(peer);
        await drain(link, index, bytes, stage.patienceMs);
        const elapsed = monotonicMs() - at;
        expectEndIs(link.end, died);
        return elapsed;
      });
    }
  });
}

function withMessagesFor({ it, expected }: Suite): void {
  it('whenWritable on a full link tells within 100 ms that the peer was killed, and claim says it too', async (stage) => {
    await knownInTime(async () => {
      const { peer, link } = await stage.client('process');
      await fillToPeer(stage, link, peer, 100);
      const wait = link.whenWritable(100, Number.POSITIVE_INFINITY);
      await setImmediate();
      const at = kill(peer);
      assert.equal(await stage.within(wait, 'whenWritable'), true);
      const elapsed = monotonicMs() - at;
      expectThrows(() => link.claim(1), died);
      await expectEnd(link, stage.patienceMs);
      expectEndIs(link.end, died);
      return elapsed;
    });
  });

  it('delivers what a killed peer committed although it had not read what was sent to it', async (stage) => {
    const { peer, link } = await stage.server('process');
    const sizes = [50, 60].slice(0, expected.holds);
    await send(link, 0, [100, 100, 100].slice(0, expected.holds), stage.patienceMs);
    await peer.call('send', { from: 7, sizes });
    await peer.kill();
    await expectMessages(link, 7, sizes, stage.patienceMs);
    expectEndIs(await expectEnd(link, stage.patienceMs), died);
  });
}

function exits({ it }: Suite): void {
  it('is a death when the peer exits without closing, with whatever code', async (stage) => {
    const { peer, link } = await stage.client('process');
    await peer.call('exit', { code: 0 }).catch(() => {});
    expectEndIs(await expectEnd(link, stage.patienceMs), died);
  });

  it('stays an orderly end when the peer exits after closing', async (stage) => {
    const { peer, link } = await stage.client('process');
    await peer.call('close', { timeoutMs: stage.patienceMs });
    await peer.call('exit', { code: 0 }).catch(() => {});
    await peer.exited;
    const end = await expectEnd(link, stage.patienceMs);
    expectEndIs(end, { by: 'peer', orderly: true, code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
  });
}
