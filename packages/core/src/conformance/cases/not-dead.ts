import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { RpcError } from '../../errors/index.js';
import type { Link } from '../../transport/contract.js';
import type { Suite } from '../suite.js';
import { expectEnd, inMs, send } from '../traffic.js';
import { exchange } from './victims.js';

/** Longer, in ms, than any sign of life that a transport might wait for. */
const STOPPED_MS = 600;

/** A peer that is only stopped (SIGSTOP) lives: it may be in a debugger. */
export function notDead(suite: Suite): void {
  const { it, ways, expected } = suite;

  it('does not take a peer for dead that is stopped for 600 ms, and goes on when it continues', async (stage) => {
    const { peer, link } = await stage.client('process');
    await exchange(stage, suite, peer, link);
    await peer.freeze();
    assert.equal(await link.whenReadable(inMs(STOPPED_MS)), false, 'nothing should be heard of a stopped peer');
    assert.equal(link.end, undefined);
    peer.signal('SIGCONT');
    await exchange(stage, suite, peer, link);
  });

  if (ways.some((way) => !way.forth)) {
    it('keeps what is sent to a stopped peer until it continues', async (stage) => {
      const { peer, link } = await stage.client('process');
      await peer.freeze();
      const count = await stage.fillFirmly(link, 0, 100);
      assert.equal(await link.whenWritable(100, inMs(STOPPED_MS)), false);
      assert.equal(link.end, undefined);
      peer.signal('SIGCONT');
      const sizes = new Array(count + 1).fill(100);
      await Promise.all([peer.call('expect', { from: 0, sizes }), send(link, count, [100], stage.patienceMs)]);
    });
  }

  if (expected.capabilities.blocking && ways.some((way) => !way.forth)) {
    it('keeps a blocked wait going through a stop of the waiting process itself', async (stage) => {
      const { peer, link } = await stage.client('process', { sync: true });
      const { result } = await peer.begin('waitReadable');
      await peer.fallAsleep();
      await peer.freeze();
      await setTimeout(20);
      peer.signal('SIGCONT');
      await setTimeout(20);
      await send(link, 0, [12], stage.patienceMs);
      assert.equal((await result).result, true);
      await peer.call('expectSync', { from: 0, sizes: [12] });
    });
  }

  it('connects to a stopped server by its deadline or not at all, and learns when the server is killed', async (stage) => {
    const server = await stage.peer('process');
    const url = await server.call('listen', { url: stage.remoteUrl() });
    await server.freeze();
    const outcome = (connecting: Promise<Link>) => connecting.then(undefined, (error: unknown) => error);
    const first = await stage.within(outcome(stage.connect(url, stage.options, inMs(50))), 'connect to give up');
    if (first instanceof Error) assert.ok(RpcError.is(first) && first.code === 'DEADLINE_EXCEEDED', first.message);
    const second = outcome(stage.connect(url));
    await setImmediate();
    server.signal('SIGKILL');
    const end = await stage.within(second, 'connect to fail or succeed');
    if (end instanceof Error) assert.ok(RpcError.is(end) && end.code === 'UNAVAILABLE', end.message);
    else if (expected.capabilities.peerDeath) await expectEnd(end as Link, stage.patienceMs);
  });
}
