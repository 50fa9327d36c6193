import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { expectThrows } from '../expectations.js';
import { firstWrong, seeded } from '../pattern.js';
import type { Suite, Way } from '../suite.js';
import { check, claim, commit, expectEnd, expectMessages, inMs, send, tryClaim } from '../traffic.js';

/** Every message arrives once, whole and in order, in every way that the transport has. */
export function messages(suite: Suite): void {
  const { it, ways, closedWays } = suite;
  for (const way of ways) oneWay(suite, way);

  for (const { name, ends } of closedWays) {
    it(`refuses to send ${name}: FAILED_PRECONDITION, naming the capability`, async (stage) => {
      const { sender } = ends(await stage.pair());
      expectThrows(() => sender.claim(1), { code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', names: 'directions' });
    });
  }

  if (ways.length < 2) return;

  it('carries messages both ways at once', async (stage) => {
    const { client, server } = await stage.pair();
    const sizes = randomSizes(17, 2000, Math.min(client.maxMessageBytes, 4096));
    await Promise.all([
      send(client, 0, sizes, stage.patienceMs),
      send(server, 5000, sizes, stage.patienceMs),
      expectMessages(server, 0, sizes, stage.patienceMs),
      expectMessages(client, 5000, sizes, stage.patienceMs),
    ]);
  });
}

function randomSizes(seed: number, count: number, largest: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => random(largest + 1));
}

function oneWay({ it }: Suite, { name, forth, ends }: Way): void {
  it(`carries messages of 0, 1, 2, 31, 32, 33 and the most bytes whole, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    const sizes = [0, 1, 2, 31, 32, 33, max - 1, max, 0, max, 0, 1];
    await Promise.all([send(sender, 0, sizes, stage.patienceMs), expectMessages(receiver, 0, sizes, stage.patienceMs)]);
  });

  it(`refuses a message of one byte too many with RESOURCE_EXHAUSTED and goes on, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    expectThrows(() => sender.claim(max + 1), { code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
    await Promise.all([send(sender, 0, [max], stage.patienceMs), expectMessages(receiver, 0, [max], stage.patienceMs)]);
  });

  it(`never delivers a message that is over the receiver's own limit, ${name}`, async (stage) => {
    const small = Math.floor((await stage.pair()).client.maxMessageBytes / 4);
    const narrow = { ...stage.options, maxMessageBytes: small };
    const listening = await stage.listen(stage.newUrl(), forth ? narrow : stage.options);
    const client = await stage.connect(listening.url, forth ? stage.options : narrow);
    const { sender, receiver } = ends({ client, server: await listening.accepted(), listening });
    if (sender.maxMessageBytes > small) {
      await send(sender, 0, [small + 1], stage.patienceMs);
      const end = await expectEnd(receiver, stage.patienceMs);
      assert.equal(end.by, 'fault');
      assert.equal(end.error.code, 'RESOURCE_EXHAUSTED');
    } else {
      // The two sides agreed on the smaller limit, so that the sender is told at once.
      expectThrows(() => sender.claim(small + 1), { code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
      await Promise.all([
        send(sender, 0, [small], stage.patienceMs),
        expectMessages(receiver, 0, [small], stage.patienceMs),
      ]);
    }
  });

  it(`keeps 20,000 small messages in order, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const sizes = randomSizes(3, 20_000, Math.min(64, sender.maxMessageBytes));
    await Promise.all([send(sender, 0, sizes, stage.patienceMs), expectMessages(receiver, 0, sizes, stage.patienceMs)]);
  });

  it(`carries all sizes mixed, several times what its buffers hold, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    const held = await stage.fillFirmly(sender, 0, max);
    await expectMessages(receiver, 0, new Array(held).fill(max), stage.patienceMs);
    const random = seeded(max);
    const sizes: number[] = [];
    for (let left = 5 * (held + 1) * max; left > 0; left -= sizes.at(-1)! + 8) {
      // Sizes near every power of two, so that all places in a buffer become a message's end.
      sizes.push(random(Math.min(max, 2 ** random(32)) + 1));
    }
    await Promise.all([
      send(sender, held, sizes, stage.patienceMs),
      expectMessages(receiver, held, sizes, stage.patienceMs),
    ]);
  });

  it(`sends as much of a claim as is committed, and nothing of an abandoned one, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const random = seeded(11);
    const plan = Array.from({ length: 3000 }, () => {
      const claimed = random(Math.min(sender.maxMessageBytes, 3000) + 1);
      return { claimed, committed: random(4) === 0 ? -1 : random(claimed + 1) };
    });
    const sizes = plan.map(({ committed }) => committed).filter((size) => size >= 0);
    const sending = (async () => {
      let index = 0;
      for (const { claimed, committed } of plan) {
        const span = await claim(sender, claimed, stage.patienceMs);
        span.bytes.fill(0xaa, span.start, span.end);
        if (committed < 0) sender.abandon();
        else commit(sender, span, index++, committed);
      }
      sender.flush();
    })();
    await Promise.all([sending, expectMessages(receiver, 0, sizes, stage.patienceMs)]);
    assert.equal(receiver.receive(), null, 'nothing else comes');
  });

  it(`does not touch a received message before its release, however much comes after it, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.min(sender.maxMessageBytes, 1000);
    await send(sender, 0, [size], stage.patienceMs);
    assert.ok(await receiver.whenReadable(stage.patience));
    const span = receiver.receive();
    assert.ok(span !== null);
    const { bytes, start, end } = span;
    const more = await stage.fillFirmly(sender, 1, size);
    assert.equal(firstWrong(0, bytes, start, end), -1, 'the message changed while it was held');
    check(span, 0, size);
    receiver.release();
    await expectMessages(receiver, 1, new Array(more).fill(size), stage.patienceMs);
  });

  it(`shows a flushed message to a receiver that only polls, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    assert.equal(receiver.receive(), null, 'nothing was sent yet');
    assert.equal(receiver.ended, false, 'nothing yet is not the end');
    await send(sender, 0, [100], stage.patienceMs);
    const until = inMs(stage.patienceMs);
    let span = receiver.receive();
    while (span === null && performance.now() < until) {
      await setImmediate();
      span = receiver.receive();
    }
    assert.ok(span !== null, 'polling never found the message');
    check(span, 0, 100);
    receiver.release();
  });

  it(`hands over what was committed when it begins to wait, without a flush, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const span = tryClaim(sender, 50);
    assert.ok(span !== null, 'a fresh link has room for 50 bytes');
    commit(sender, span, 0, 50);
    const waiting = sender.whenReadable(stage.patience);
    await expectMessages(receiver, 0, [50], stage.patienceMs);
    receiver.abort();
    await waiting;
  });
}
