import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { TIMER_SLACK_MS } from '../clock.js';
import { expectEndIs, expectHarmless, expectThrows } from '../expectations.js';
import { seeded } from '../pattern.js';
import type { Suite, Way } from '../suite.js';
import { claim, commit, drain, expectEnd, expectMessages, inMs, meanwhile, next, tryClaim } from '../traffic.js';

/** The orderly end. */
export function closing({ it, expected }: Suite, { name, ends }: Way): void {
  it(`close delivers everything that was committed, and then the end, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const random = seeded(5);
    const sizes = Array.from({ length: 100 }, () => random(Math.min(sender.maxMessageBytes, 300)));
    const sending = async () => {
      for (const [index, size] of sizes.entries()) {
        commit(sender, tryClaim(sender, size) ?? (await claim(sender, size, stage.patienceMs)), index, size);
      }
      // Not flushed: that is what close is asked to do.
      await sender.close(stage.patience);
    };
    const closed = meanwhile(sending());
    await expectMessages(receiver, 0, sizes, stage.patienceMs);
    const end = await expectEnd(receiver, stage.patienceMs);
    expectEndIs(end, { by: 'peer', orderly: true, code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
    await stage.within(closed, 'close');
    expectEndIs(sender.end, { by: 'local', orderly: true });
    await expectHarmless(sender, false);
    await expectHarmless(receiver, false);
  });

  it(`says ended only after its last message has been received, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const sizes = [10, 0, 20, 1].slice(0, expected.holds);
    for (const [index, size] of sizes.entries()) {
      commit(sender, await claim(sender, size, stage.patienceMs), index, size);
    }
    const closed = stage.within(sender.close(stage.patience), 'close');
    // Where the link is full, the end can come only when there is room.
    if (expected.holds > 1) await closed;
    for (let turns = 0; turns < 10; turns++) {
      await setImmediate();
      assert.equal(receiver.ended, false, 'there are messages that nobody has received');
    }
    for (const [index, size] of sizes.entries()) {
      assert.equal(receiver.ended, false, `message ${index} has not been received yet`);
      await expectMessages(receiver, index, [size], stage.patienceMs);
    }
    await expectEnd(receiver, stage.patienceMs);
    await closed;
  });

  it(`refuses claims from close on, ${name}`, async (stage) => {
    const { sender } = ends(await stage.pair());
    const closed = sender.close(stage.patience);
    expectThrows(() => sender.claim(1), {});
    await stage.within(closed, 'close');
    assert.equal(
      expectThrows(() => sender.claim(1), {}),
      sender.end?.error,
    );
  });

  it(`close waits for a slow receiver of a full link, which gets everything, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.min(1000, sender.maxMessageBytes);
    const count = await stage.fillFirmly(sender, 0, size);
    const closed = sender.close(Number.POSITIVE_INFINITY);
    await setImmediate();
    let received = 0;
    for (let span = await next(receiver, stage.patienceMs); span !== null; received++) {
      receiver.release();
      if (received % 10 === 0) await setImmediate();
      span = await next(receiver, stage.patienceMs);
    }
    assert.equal(received, count);
    expectEndIs(receiver.end, { by: 'peer', orderly: true, code: 'UNAVAILABLE' });
    await stage.within(closed, 'close');
    expectEndIs(sender.end, { by: 'local', orderly: true });
  });

  it(`close of a full link that nobody reads ends at its deadline, and tells whether all arrived, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.min(1000, sender.maxMessageBytes);
    const count = await stage.fillFirmly(sender, 0, size);
    const deadline = inMs(50);
    await stage.within(sender.close(deadline), 'close to give up');
    const gaveUpEarly = performance.now() < deadline - TIMER_SLACK_MS;
    const received = await drain(receiver, 0, size, stage.patienceMs);
    assert.equal(receiver.end?.orderly, sender.end?.orderly, 'both sides agree about the order of the end');
    // A mechanism that keeps messages by itself can hand them over without a receiver; another one has to drop them.
    if (sender.end?.orderly) assert.equal(received, count, 'an orderly end loses nothing');
    else assert.ok(received <= count && !gaveUpEarly, 'gave up before the deadline');
  });

  it(`close on a full link with a deadline in the past does not wait, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const count = await stage.fillFirmly(sender, 0, 100);
    await stage.within(sender.close(inMs(-1)), 'close');
    assert.ok((await drain(receiver, 0, 100, stage.patienceMs)) <= count);
    await expectHarmless(receiver, false);
  });

  it(`a link that the other side has closed takes no more messages, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const span = tryClaim(sender, 10);
    assert.ok(span !== null);
    await stage.within(receiver.close(stage.patience), 'close');
    await stage.within(sender.whenReadable(stage.patience), 'the end');
    assert.equal(sender.receive(), null);
    // A claim that was open when the end came. Its memory may have gone (no byte is left then), or may still be there.
    if (span.bytes.length >= span.end) span.bytes.fill(1, span.start, span.end);
    try {
      sender.commit(10);
    } catch (error) {
      assert.equal(error, sender.end?.error);
    }
    expectThrows(() => sender.claim(1), { code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
  });
}
