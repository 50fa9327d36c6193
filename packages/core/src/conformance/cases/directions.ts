import assert from 'node:assert/strict';
import type { Direction } from '../../transport/contract.js';
import { opposite } from '../../transport/directions.js';
import { FAR_MS } from '../clock.js';
import { expectEndIs, expectThrows } from '../expectations.js';
import type { Place } from '../peer/remote.js';
import type { Stage } from '../stage.js';
import type { Suite } from '../suite.js';
import { expectEnd, expectMessages, inMs, send } from '../traffic.js';
import { died, kill, knownInTime } from './victims.js';

/** Links that go one way, whether or not the transport has duplex ones too. */
export function directions(suite: Suite): void {
  const { it, expected, direction } = suite;
  it('tells which way each end goes', async (stage) => {
    const { client, server } = await stage.pair();
    assert.equal(client.direction, direction);
    assert.equal(server.direction, opposite(direction));
  });
  for (const direction of expected.capabilities.directions) {
    if (direction !== 'duplex') oneWay(suite, direction);
  }
}

function oneWay({ it, expected }: Suite, direction: Exclude<Direction, 'duplex'>): void {
  const sends = direction === 'send' ? 'the client' : 'the server';

  it(`tells which way each end goes when ${sends} sends`, async (stage) => {
    const { sender, receiver } = await oneWayPair(stage, direction);
    assert.equal(sender.direction, 'send');
    assert.equal(receiver.direction, 'receive');
  });

  it(`carries messages when ${sends} sends, and tells both ends of an orderly end`, async (stage) => {
    const { sender, receiver } = await oneWayPair(stage, direction);
    const sizes = [0, 1, 100, 7];
    await Promise.all([send(sender, 0, sizes, stage.patienceMs), expectMessages(receiver, 0, sizes, stage.patienceMs)]);
    await sender.close(stage.patience);
    expectEndIs(await expectEnd(receiver, stage.patienceMs), { by: 'peer', orderly: true, reason: 'PEER_CLOSED' });
  });

  it(`refuses to send from the receiving end when ${sends} sends, naming the capability`, async (stage) => {
    const { sender, receiver } = await oneWayPair(stage, direction);
    const refused = { code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', names: 'directions' } as const;
    expectThrows(() => receiver.claim(1), refused);
    await send(sender, 0, [5], stage.patienceMs);
    await expectMessages(receiver, 0, [5], stage.patienceMs);
  });

  it(`shows the sending end nothing but the end when ${sends} sends`, async (stage) => {
    const { sender, receiver } = await oneWayPair(stage, direction);
    assert.equal(sender.receive(), null);
    assert.equal(sender.ended, false, 'nothing to receive is not the end');
    assert.equal(sender.pollReadable(), false);
    assert.equal(await sender.whenReadable(inMs(30)), false);
    const end = expectEnd(sender, stage.patienceMs);
    await receiver.close(stage.patience);
    assert.equal((await end).by, 'peer');
  });

  it(`tells the sending end of an abort by the receiving end when ${sends} sends`, async (stage) => {
    const { sender, receiver } = await oneWayPair(stage, direction);
    const closed = sender.closed;
    receiver.abort();
    const end = await stage.within(closed, 'the end');
    assert.equal(end.by, 'peer');
    assert.equal(end.orderly, false);
    expectThrows(() => sender.claim(1), { code: 'UNAVAILABLE' });
  });

  if (!expected.capabilities.blocking || !expected.capabilities.confirms) {
    it(`has no waitTaken when ${sends} sends`, async (stage) => {
      const { sender } = await oneWayPair(stage, direction);
      assert.equal(
        sender.waitTaken,
        undefined,
        'a link has waitTaken where the capabilities confirms and blocking say so',
      );
    });
    return;
  }
  if (direction !== 'send') return;
  for (const place of ['process', 'worker'] as const) {
    if (expected.reach[place]) waitsUntilTaken({ it, expected } as Suite, place);
  }
}

async function oneWayPair(stage: Stage, direction: Direction) {
  const listening = await stage.listen(stage.newUrl(), { ...stage.options, direction: opposite(direction) });
  const client = await stage.connect(listening.url, { ...stage.options, direction });
  const server = await listening.accepted();
  return direction === 'send' ? { sender: client, receiver: server } : { sender: server, receiver: client };
}

/** `waitTaken` of a client elsewhere; its server is on this event loop. */
function waitsUntilTaken({ it, expected }: Suite, place: Place): void {
  async function sendingClient(stage: Stage) {
    const listening = await stage.listen(stage.newUrl(), { ...stage.options, direction: 'receive' });
    const peer = await stage.peer(place);
    const options = { ...stage.options, direction: 'send' } as const;
    await peer.call('connectSync', { url: listening.url, options, timeoutMs: stage.patienceMs });
    return { peer, link: await listening.accepted() };
  }

  it(`waitTaken in a ${place} says no while the receiver has not taken what was sent, and yes afterwards`, async (stage) => {
    const { peer, link } = await sendingClient(stage);
    assert.equal((await peer.call('waitTaken', { timeoutMs: -1 })).result, true, 'nothing was sent yet');
    await peer.call('sendSync', { from: 0, sizes: [9, 0] });
    for (const timeoutMs of [-1, Number.NEGATIVE_INFINITY, 0, 30.5]) {
      const { result, elapsedMs } = await peer.call('waitTaken', { timeoutMs });
      assert.equal(result, false);
      assert.ok(elapsedMs >= timeoutMs - 1, `gave up after ${elapsedMs} of ${timeoutMs} ms`);
    }
    await expectMessages(link, 0, [9], stage.patienceMs);
    assert.equal((await peer.call('waitTaken', { timeoutMs: 10 })).result, false, 'one message is left');
    await expectMessages(link, 1, [0], stage.patienceMs);
    assert.equal(link.receive(), null);
    assert.equal((await peer.call('waitTaken', { timeoutMs: stage.patienceMs })).result, true);
  });

  it(`waitTaken in a ${place} sleeps until all is taken, be the deadline never or 25 days off`, async (stage) => {
    const { peer, link } = await sendingClient(stage);
    for (const [index, timeoutMs] of [Number.POSITIVE_INFINITY, FAR_MS].entries()) {
      await peer.call('sendSync', { from: index, sizes: [40] });
      const { result } = await peer.begin('waitTaken', { timeoutMs });
      await peer.fallAsleep();
      await expectMessages(link, index, [40], stage.patienceMs);
      assert.equal((await result).result, true);
    }
  });

  it(`waitTaken in a ${place} hands over what was committed`, async (stage) => {
    const { peer, link } = await sendingClient(stage);
    await peer.call('commit', { from: 0, size: 70 });
    const { result } = await peer.begin('waitTaken');
    await expectMessages(link, 0, [70], stage.patienceMs);
    assert.equal((await result).result, true);
  });

  for (const how of ['close', 'abort'] as const) {
    it(`waitTaken in a ${place} says no to the end that the receiver's ${how} makes`, async (stage) => {
      const { peer, link } = await sendingClient(stage);
      await peer.call('sendSync', { from: 0, sizes: [40] });
      const { result } = await peer.begin('waitTaken');
      await peer.fallAsleep();
      void link[how]();
      const { result: taken, end } = await result;
      assert.equal(taken, false);
      assert.equal(end?.by, 'peer');
    });
  }

  if (place !== 'process' || !expected.capabilities.peerDeath) return;
  it('waitTaken tells a blocked process within 100 ms that its receiver was killed', async (stage) => {
    await knownInTime(async () => {
      const victim = await stage.peer('process');
      const options = { ...stage.options, direction: 'receive' } as const;
      const url = await victim.call('listen', { url: stage.remoteUrl(), options });
      const survivor = await stage.peer('process');
      const sending = { ...stage.options, direction: 'send' } as const;
      await survivor.call('connectSync', { url, options: sending, timeoutMs: stage.patienceMs });
      await survivor.call('sendSync', { from: 0, sizes: [40] });
      const { result } = await survivor.begin('waitTaken');
      await survivor.fallAsleep();
      const at = kill(victim);
      const { result: taken, atMs, end } = await result;
      assert.equal(taken, false);
      assert.equal(end?.by, died.by);
      return atMs - at;
    });
  });
}
