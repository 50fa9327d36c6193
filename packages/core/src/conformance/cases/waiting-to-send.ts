import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { FAR_MS, TIMER_SLACK_MS } from '../clock.js';
import type { Suite, Way } from '../suite.js';
import { expectMessages, inMs } from '../traffic.js';

export function waitingToSend({ it }: Suite, { name, ends }: Way): void {
  it(`whenWritable on a full link says no once a short deadline has passed, not before, ${name}`, async (stage) => {
    const { sender } = ends(await stage.pair());
    await stage.fillFirmly(sender, 0, 100);
    for (const ms of [-1, 1, 30.5]) {
      const deadline = inMs(ms);
      assert.equal(await stage.within(sender.whenWritable(100, deadline), 'the deadline'), false);
      assert.ok(performance.now() >= deadline - TIMER_SLACK_MS, `gave up ${deadline - performance.now()} ms early`);
    }
  });

  it(`whenWritable waits while the link is full, be the deadline never or 25 days off, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    for (const deadline of [Number.POSITIVE_INFINITY, inMs(FAR_MS)]) {
      const count = await stage.fillFirmly(sender, 0, 100);
      let answer: boolean | undefined;
      const wait = sender.whenWritable(100, deadline).then((said) => {
        answer = said;
      });
      await setTimeout(20);
      assert.equal(answer, undefined, 'nobody has made room yet');
      await expectMessages(receiver, 0, new Array(count).fill(100), stage.patienceMs);
      await stage.within(wait, 'whenWritable');
      assert.equal(answer, true);
    }
  });

  it(`whenWritable on a full link is rejected by its signal, with the reason, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const count = await stage.fillFirmly(sender, 0, 100);
    const early = new Error('before it began');
    await assert.rejects(sender.whenWritable(100, stage.patience, AbortSignal.abort(early)), early);
    const controller = new AbortController();
    const reason = new Error('enough');
    const wait = sender.whenWritable(100, Number.POSITIVE_INFINITY, controller.signal);
    await setImmediate();
    controller.abort(reason);
    await stage.within(assert.rejects(wait, reason), 'the rejection');
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    await expectMessages(receiver, 0, new Array(count).fill(100), stage.patienceMs);
  });

  for (const how of ['close', 'abort'] as const) {
    it(`whenWritable on a full link says yes when the other side ends it by ${how}, ${name}`, async (stage) => {
      const { sender, receiver } = ends(await stage.pair());
      await stage.fillFirmly(sender, 0, 100);
      const wait = sender.whenWritable(100, Number.POSITIVE_INFINITY);
      await setImmediate();
      void receiver[how]();
      assert.equal(await stage.within(wait, 'whenWritable'), true);
    });
  }

  it(`whenWritable on a full link says yes when its own side aborts, ${name}`, async (stage) => {
    const { sender } = ends(await stage.pair());
    await stage.fillFirmly(sender, 0, 100);
    const wait = sender.whenWritable(100, Number.POSITIVE_INFINITY);
    await setImmediate();
    sender.abort();
    assert.equal(await stage.within(wait, 'whenWritable'), true);
  });
}
