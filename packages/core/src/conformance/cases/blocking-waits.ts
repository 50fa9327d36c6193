import assert from 'node:assert/strict';
import { FAR_MS } from '../clock.js';
import { fillFromPeer, fillToPeer } from '../full.js';
import type { Place } from '../peer/remote.js';
import type { Suite } from '../suite.js';
import { expectMessages, meanwhile, send } from '../traffic.js';

/** `waitReadable` and `waitWritable` of a client elsewhere; its server is on this event loop. */
export function blockingWaits({ it, ways }: Suite, place: Place): void {
  const forth = ways.some((way) => way.forth);
  const back = ways.some((way) => !way.forth);

  if (back) {
    it(`waitReadable in a ${place} says no at its deadline, not before, and yes to a message`, async (stage) => {
      const { peer, link } = await stage.client(place, { sync: true });
      for (const timeoutMs of [-1, Number.NEGATIVE_INFINITY, 0, 1, 30.5]) {
        const { result, elapsedMs } = await peer.call('waitReadable', { timeoutMs });
        assert.equal(result, false);
        // Waiting is bounded by the absolute deadline, a little of which has passed before the wait begins.
        assert.ok(elapsedMs >= timeoutMs - 1, `gave up after ${elapsedMs} of ${timeoutMs} ms`);
      }
      await send(link, 0, [4], stage.patienceMs);
      assert.equal((await peer.call('waitReadable', { timeoutMs: stage.patienceMs })).result, true);
      assert.equal((await peer.call('waitReadable', { timeoutMs: -1 })).result, true);
      await peer.call('expectSync', { from: 0, sizes: [4] });
    });

    it(`waitReadable in a ${place} sleeps until a message comes, be the deadline never or 25 days off`, async (stage) => {
      const { peer, link } = await stage.client(place, { sync: true });
      for (const [index, timeoutMs] of [Number.POSITIVE_INFINITY, FAR_MS, stage.patienceMs].entries()) {
        const { result } = await peer.begin('waitReadable', { timeoutMs });
        await peer.fallAsleep();
        await send(link, index, [8], stage.patienceMs);
        assert.equal((await result).result, true);
        await peer.call('expectSync', { from: index, sizes: [8] });
      }
    });
  }

  for (const how of ['close', 'abort'] as const) {
    it(`waitReadable in a ${place} says yes to the end that the other side's ${how} makes`, async (stage) => {
      const { peer, link } = await stage.client(place, { sync: true });
      const { result } = await peer.begin('waitReadable');
      await peer.fallAsleep();
      void link[how]();
      assert.equal((await result).result, true);
      const end = await peer.call('expectEndSync');
      assert.equal(end?.by, 'peer');
      assert.equal(end?.orderly, how === 'close');
      await peer.call('expectHarmless', { blocking: true });
    });
  }

  if (!forth) return;

  it(`waitReadable in a ${place} hands over what was committed before it sleeps`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    await peer.call('commit', { from: 0, size: 70 });
    const { result } = await peer.begin('waitReadable');
    await expectMessages(link, 0, [70], stage.patienceMs);
    link.abort();
    await result;
  });

  it(`waitWritable in a ${place} says no at its deadline while the link is full, not before`, async (stage) => {
    const { peer } = await stage.client(place, { sync: true });
    assert.equal((await peer.call('waitWritable', { bytes: 100, timeoutMs: -1 })).result, true);
    await fillFromPeer(stage, peer, 100);
    for (const timeoutMs of [-1, 0, 1, 30.5]) {
      const { result, elapsedMs } = await peer.call('waitWritable', { bytes: 100, timeoutMs });
      assert.equal(result, false);
      assert.ok(elapsedMs >= timeoutMs - 1, `gave up after ${elapsedMs} of ${timeoutMs} ms`);
    }
  });

  it(`waitWritable in a ${place} sleeps until there is room for as much as it asks`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const max = link.maxMessageBytes;
    for (const timeoutMs of [Number.POSITIVE_INFINITY, FAR_MS]) {
      const count = await fillFromPeer(stage, peer, 100);
      const { result } = await peer.begin('waitWritable', { bytes: max, timeoutMs });
      await peer.fallAsleep();
      const sizes = [...new Array(count).fill(100), max];
      const arriving = meanwhile(expectMessages(link, 0, sizes, stage.patienceMs));
      assert.equal((await result).result, true);
      await peer.call('sendSync', { from: count, sizes: [max] });
      await arriving;
    }
  });

  for (const how of ['close', 'abort'] as const) {
    it(`waitWritable in a ${place} says yes to the end that the other side's ${how} makes`, async (stage) => {
      const { peer, link } = await stage.client(place, { sync: true });
      await fillFromPeer(stage, peer, 100);
      const { result } = await peer.begin('waitWritable', { bytes: 100, timeoutMs: Number.POSITIVE_INFINITY });
      await peer.fallAsleep();
      void link[how]();
      assert.equal((await result).result, true);
    });
  }

  if (!back) return;

  it(`waitReadable in a ${place} does not need room to send`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const count = await fillFromPeer(stage, peer, 100);
    await fillToPeer(stage, link, peer, 100);
    assert.equal((await peer.call('waitReadable')).result, true);
    await expectMessages(link, 0, new Array(count).fill(100), stage.patienceMs);
  });
}
