import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { RpcError } from '../../errors/index.js';
import { expectEndIs, expectHarmless } from '../expectations.js';
import type { Suite, Way } from '../suite.js';
import { drain, inMs, send, tryClaim } from '../traffic.js';

/** The disorderly end. */
export function aborting({ it, expected }: Suite, { name, ends }: Way): void {
  it(`abort ends at once, and the other side sees a disorderly end, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const error = new RpcError('ABORTED', 'on purpose');
    sender.abort(error);
    assert.equal(sender.end?.error, error);
    expectEndIs(sender.end, { by: 'local', orderly: false, code: 'ABORTED' });
    assert.equal((await stage.within(sender.closed, '`closed`')).error, error);
    await expectHarmless(sender, false);
    await drain(receiver, 0, 0, stage.patienceMs);
    expectEndIs(receiver.end, { by: 'peer', orderly: false, code: 'UNAVAILABLE' });
    await expectHarmless(receiver, false);
  });

  it(`abort without an error makes one, ${name}`, async (stage) => {
    const { sender } = ends(await stage.pair());
    sender.abort();
    expectEndIs(sender.end, { by: 'local', orderly: false });
  });

  it(`abort of a full link drops what is left; what arrives is whole and in order, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.min(1000, sender.maxMessageBytes);
    const count = await stage.fillFirmly(sender, 0, size);
    sender.abort();
    const received = await drain(receiver, 0, size, stage.patienceMs);
    assert.ok(received <= count);
    expectEndIs(receiver.end, { by: 'peer', orderly: false, code: 'UNAVAILABLE' });
  });

  it(`abort cuts short a close that waits, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.min(1000, sender.maxMessageBytes);
    const count = await stage.fillFirmly(sender, 0, size);
    const closed = sender.close(Number.POSITIVE_INFINITY);
    await setImmediate();
    sender.abort();
    await stage.within(closed, 'close');
    const received = await drain(receiver, 0, size, stage.patienceMs);
    assert.equal(receiver.end?.orderly, sender.end?.orderly, 'both sides agree about the order of the end');
    assert.ok(received === count || sender.end?.orderly === false);
  });

  it(`abort by the receiver tells a sender that waits for room, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    await stage.fillFirmly(sender, 0, 100);
    const wait = sender.whenWritable(100, Number.POSITIVE_INFINITY);
    receiver.abort();
    assert.equal(await stage.within(wait, 'whenWritable'), true);
    expectEndIs(sender.end, { by: 'peer', orderly: false, code: 'UNAVAILABLE' });
    await expectHarmless(sender, false);
  });

  it(`survives the use of spans that it handed out before it was aborted, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    await send(sender, 0, [64], stage.patienceMs);
    assert.ok(await receiver.whenReadable(stage.patience));
    const held = receiver.receive();
    const claimed = tryClaim(sender, 64);
    assert.ok(held !== null);
    if (expected.holds > 1) assert.ok(claimed !== null);
    receiver.abort();
    sender.abort();
    for (const { bytes, start } of [held, ...(claimed === null ? [] : [claimed])]) {
      void bytes[start];
      if (bytes.length > start) bytes[start] = 1;
    }
    for (const action of [() => sender.commit(64), () => sender.abandon(), () => receiver.release()]) {
      try {
        action();
      } catch (error) {
        assert.ok(RpcError.is(error), String(error));
      }
    }
    await expectHarmless(sender, false);
    await expectHarmless(receiver, false);
  });

  it(`tells of its end without anybody waiting for it, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    sender.abort();
    const end = await stage.within(receiver.closed, '`closed` of a link that nobody waits on');
    assert.equal(end.orderly, false);
    const closing = ends(await stage.pair());
    await closing.sender.close(inMs(1000));
    assert.equal((await stage.within(closing.receiver.closed, '`closed` after a close')).orderly, true);
  });
}
