import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { FAR_MS, TIMER_SLACK_MS } from '../clock.js';
import type { Suite, Way } from '../suite.js';
import { expectMessages, inMs, send } from '../traffic.js';

export function waitingToReceive({ it }: Suite, { name, ends }: Way): void {
  it(`whenReadable does not wait past its deadline: no without a message, yes with one, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    assert.equal(await receiver.whenReadable(inMs(-1)), false);
    assert.equal(await receiver.whenReadable(Number.NEGATIVE_INFINITY), false);
    await send(sender, 0, [3], stage.patienceMs);
    assert.equal(await receiver.whenReadable(stage.patience), true);
    assert.equal(await receiver.whenReadable(inMs(-1)), true);
    await expectMessages(receiver, 0, [3], stage.patienceMs);
  });

  it(`whenReadable says no once a short deadline has passed, not before, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    for (const ms of [1, 7, 30.5]) {
      const deadline = inMs(ms);
      assert.equal(await stage.within(receiver.whenReadable(deadline), 'the deadline'), false);
      assert.ok(performance.now() >= deadline - TIMER_SLACK_MS, `gave up ${deadline - performance.now()} ms early`);
    }
    await send(sender, 0, [3], stage.patienceMs);
    await expectMessages(receiver, 0, [3], stage.patienceMs);
  });

  it(`whenReadable waits until a message comes, be the deadline never or 25 days off, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    for (const [index, deadline] of [Number.POSITIVE_INFINITY, inMs(FAR_MS)].entries()) {
      let answer: boolean | undefined;
      const wait = receiver.whenReadable(deadline).then((said) => {
        answer = said;
      });
      await setTimeout(20);
      assert.equal(answer, undefined, 'nothing has come yet');
      await send(sender, index, [5], stage.patienceMs);
      await stage.within(wait, 'whenReadable');
      assert.equal(answer, true);
      await expectMessages(receiver, index, [5], stage.patienceMs);
    }
  });

  it(`whenReadable is rejected by its signal, with the reason, and no message is lost by it, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const controller = new AbortController();
    const reason = new Error('enough');
    const wait = receiver.whenReadable(Number.POSITIVE_INFINITY, controller.signal);
    await setImmediate();
    controller.abort(reason);
    await stage.within(assert.rejects(wait, reason), 'the rejection');
    await send(sender, 0, [9], stage.patienceMs);
    await expectMessages(receiver, 0, [9], stage.patienceMs);
  });

  it(`whenReadable is rejected at once by a signal that was aborted before, ${name}`, async (stage) => {
    const { receiver } = ends(await stage.pair());
    const reason = new Error('before it began');
    await assert.rejects(receiver.whenReadable(stage.patience, AbortSignal.abort(reason)), reason);
  });

  it(`whenReadable lets go of its signal when it is done, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const { signal } = new AbortController();
    assert.equal(await receiver.whenReadable(inMs(2), signal), false);
    await setImmediate();
    assert.equal(getEventListeners(signal, 'abort').length, 0, 'after a deadline');
    const wait = receiver.whenReadable(stage.patience, signal);
    await send(sender, 0, [9], stage.patienceMs);
    await wait;
    await setImmediate();
    assert.equal(getEventListeners(signal, 'abort').length, 0, 'after a message');
  });

  const endings = ['close', 'abort'] as const;
  for (const how of endings) {
    it(`whenReadable says yes when the other side ends the link by ${how}, ${name}`, async (stage) => {
      const { sender, receiver } = ends(await stage.pair());
      const wait = receiver.whenReadable(Number.POSITIVE_INFINITY);
      await setImmediate();
      void sender[how]();
      assert.equal(await stage.within(wait, 'whenReadable'), true);
      assert.equal(receiver.receive(), null);
      assert.equal(receiver.ended, true);
    });

    it(`whenReadable says yes when its own side ends the link by ${how}, ${name}`, async (stage) => {
      const { receiver } = ends(await stage.pair());
      const wait = receiver.whenReadable(Number.POSITIVE_INFINITY);
      await setImmediate();
      void receiver[how]();
      assert.equal(await stage.within(wait, 'whenReadable'), true);
      assert.equal(receiver.receive(), null);
    });
  }

  it(`pollReadable does not wait, and says yes only where receive has a message or the end, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    assert.equal(receiver.pollReadable(), false, 'nothing was sent yet');
    await send(sender, 0, [9], stage.patienceMs);
    assert.equal(await receiver.whenReadable(stage.patience), true);
    // It may say no where looking costs a system call, but it must not say yes in vain.
    receiver.pollReadable();
    await expectMessages(receiver, 0, [9], stage.patienceMs);
    void sender.close(stage.patience);
    const until = stage.patience;
    while (!receiver.pollReadable() && !(await receiver.whenReadable(until)));
    assert.equal(receiver.receive(), null, 'nothing else was sent');
    assert.equal(receiver.ended, true, 'yes without a message is the end');
  });

  it(`leaves timers, immediates and promises their turns while it waits, ${name}`, async (stage) => {
    const { receiver } = ends(await stage.pair());
    let waiting = true;
    const wait = receiver.whenReadable(inMs(100)).finally(() => {
      waiting = false;
    });
    let turns = 0;
    while (waiting) {
      await setImmediate();
      await setTimeout(1);
      if (waiting) turns++;
    }
    assert.equal(await wait, false);
    assert.ok(turns > 0, 'the event loop did not turn once in 100 ms');
  });
}
