import assert from 'node:assert/strict';
import { TIMER_SLACK_MS } from '../clock.js';
import { expectEndIs } from '../expectations.js';
import { fillFromPeer } from '../full.js';
import { fromPlainEnd } from '../peer/protocol.js';
import type { Place } from '../peer/remote.js';
import type { Suite } from '../suite.js';
import { drain, expectEnd, expectMessages, next } from '../traffic.js';

/** `closeSync` of a client elsewhere; its server is on this event loop. */
export function blockingEnds({ it, expected, ways }: Suite, place: Place): void {
  it(`closeSync in a ${place} is an orderly end, once, among any other closes and aborts`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    expectEndIs(fromPlainEnd((await peer.call('closeSync')).end), { by: 'local', orderly: true, reason: 'CLOSED' });
    const again = [await peer.call('closeSync'), await peer.call('close'), await peer.call('closeSync')];
    await peer.call('abort');
    for (const { end } of again) expectEndIs(fromPlainEnd(end), { by: 'local', orderly: true, reason: 'CLOSED' });
    await peer.call('expectHarmless', { blocking: true });
    expectEndIs(await expectEnd(link, stage.patienceMs), { by: 'peer', orderly: true, reason: 'PEER_CLOSED' });
  });

  it(`closeSync in a ${place} after abort does nothing`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    await peer.call('abort');
    expectEndIs(fromPlainEnd((await peer.call('closeSync')).end), { by: 'local', orderly: false });
    await peer.call('expectHarmless', { blocking: true });
    expectEndIs(await expectEnd(link, stage.patienceMs), { by: 'peer', orderly: false, code: 'UNAVAILABLE' });
  });

  if (!ways.some((way) => way.forth)) return;

  it(`closeSync in a ${place} delivers what was committed, and then the end`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const sizes = [3, 0, 50, 7].slice(0, expected.holds);
    for (const [from, size] of sizes.entries()) await peer.call('commit', { from, size });
    const closed = peer.call('closeSync');
    await expectMessages(link, 0, sizes, stage.patienceMs);
    assert.equal((await expectEnd(link, stage.patienceMs)).orderly, true);
    await closed;
  });

  it(`closeSync in a ${place} waits for a slow receiver of a full link`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const count = await fillFromPeer(stage, peer, 100);
    const { result } = await peer.begin('closeSync', { timeoutMs: Number.POSITIVE_INFINITY });
    await peer.fallAsleep();
    assert.equal(await drain(link, 0, 100, stage.patienceMs), count);
    assert.equal(link.end?.orderly, true);
    assert.equal((await result).end?.orderly, true);
  });

  it(`closeSync in a ${place} of a full link that nobody reads ends at its deadline`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const count = await fillFromPeer(stage, peer, 100);
    const { elapsedMs, end } = await peer.call('closeSync', { timeoutMs: 50 });
    const received = await drain(link, 0, 100, stage.patienceMs);
    assert.equal(link.end?.orderly, end?.orderly, 'both sides agree about the order of the end');
    if (end?.orderly) assert.equal(received, count, 'an orderly end loses nothing');
    else assert.ok(received <= count && elapsedMs >= 50 - TIMER_SLACK_MS, `gave up after ${elapsedMs} of 50 ms`);
  });

  it(`closeSync in a ${place} on a full link that dies in the meantime returns`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    await fillFromPeer(stage, peer, 100);
    const { result } = await peer.begin('closeSync', { timeoutMs: Number.POSITIVE_INFINITY });
    await peer.fallAsleep();
    link.abort();
    await result;
    await peer.call('expectHarmless', { blocking: true });
    assert.equal(await next(link, stage.patienceMs), null);
  });
}
