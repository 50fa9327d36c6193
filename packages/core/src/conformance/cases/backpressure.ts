import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Suite, Way } from '../suite.js';
import { check, commit, expectMessages, fill, inMs, meanwhile, next, send, tryClaim } from '../traffic.js';

/** A receiver that does not keep up: the sender is told "full", waits, and nothing is lost. */
export function backpressure(suite: Suite): void {
  const { it, ways } = suite;
  for (const way of ways) oneWay(suite, way);
  if (ways.length < 2) return;

  it('is full in one way without standing in the way of the other', async (stage) => {
    const { client, server } = await stage.pair();
    const count = await stage.fillFirmly(client, 0, 100);
    const sizes = new Array(500).fill(100);
    await Promise.all([send(server, 0, sizes, stage.patienceMs), expectMessages(client, 0, sizes, stage.patienceMs)]);
    await expectMessages(server, 0, new Array(count).fill(100), stage.patienceMs);
  });

  it('recovers from being full both ways at once', async (stage) => {
    const { client, server } = await stage.pair();
    const forth = await stage.fillFirmly(client, 0, 100);
    const back = await stage.fillFirmly(server, 0, 100);
    await Promise.all([
      expectMessages(server, 0, new Array(forth + 1).fill(100), stage.patienceMs),
      expectMessages(client, 0, new Array(back + 1).fill(100), stage.patienceMs),
      send(client, forth, [100], stage.patienceMs),
      send(server, back, [100], stage.patienceMs),
    ]);
  });
}

/** Rests a little before every few messages. */
async function receiveSlowly(suite: { receiver: Parameters<typeof next>[0]; sizes: readonly number[]; ms: number }) {
  for (const [index, size] of suite.sizes.entries()) {
    if (index % 50 === 0) await setImmediate();
    const span = await next(suite.receiver, suite.ms);
    assert.ok(span !== null, `the end came before message ${index}`);
    check(span, index, size);
    if (index % 7 === 0) await setImmediate();
    suite.receiver.release();
  }
}

function oneWay({ it }: Suite, { name, ends }: Way): void {
  const sizes: readonly (readonly [string, (max: number) => number])[] = [
    ['empty messages', () => 0],
    ['small messages', (max) => Math.min(max, 60)],
    ['messages of a third of the most', (max) => Math.floor(max / 3)],
    ['the largest messages', (max) => max],
  ];
  for (const [what, sizeOf] of sizes) {
    it(`says full to ${what} at last, and delivers all that it took, ${name}`, async (stage) => {
      const { sender, receiver } = ends(await stage.pair());
      const size = sizeOf(sender.maxMessageBytes);
      for (let round = 0, from = 0; round < 3; round++) {
        let count = await stage.fillFirmly(sender, from, size);
        if (count === 0) {
          // A receiver may have to pass the end of a buffer first: it looks once more, and then there must be room.
          assert.equal(receiver.receive(), null);
          count = await stage.fillFirmly(sender, from, size);
        }
        assert.ok(count > 0, 'an empty link takes at least one message');
        await expectMessages(receiver, from, new Array(count).fill(size), stage.patienceMs);
        assert.equal(receiver.receive(), null, 'nothing more than was sent');
        from += count;
      }
    });
  }

  it(`takes the largest message after having been full of small ones, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    // Every size leaves the next free place somewhere else.
    for (const size of [1, 5, 13, 100, 1021]) {
      if (size > max) break;
      const count = await stage.fillFirmly(sender, 0, size);
      assert.equal(tryClaim(sender, max), null, 'a full link has no room for the largest message');
      await Promise.all([
        send(sender, count, [max], stage.patienceMs),
        (async () => {
          await expectMessages(receiver, 0, new Array(count).fill(size), stage.patienceMs);
          await expectMessages(receiver, count, [max], stage.patienceMs);
        })(),
      ]);
    }
  });

  it(`whenWritable waits while the link is full, and says yes when the receiver has made room, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    const count = await stage.fillFirmly(sender, 0, 100);
    let writable = false;
    const waiting = sender.whenWritable(max, stage.patience).then((answer) => {
      writable = answer;
    });
    for (let turns = 0; turns < 20; turns++) await setImmediate();
    assert.equal(writable, false, 'nobody has made room yet');
    await expectMessages(receiver, 0, new Array(count).fill(100), stage.patienceMs);
    // A receiver that has taken everything goes on waiting, as receivers do.
    const arriving = meanwhile(expectMessages(receiver, count, [max], stage.patienceMs));
    await stage.within(waiting, 'whenWritable');
    assert.equal(writable, true);
    const span = tryClaim(sender, max);
    assert.ok(span !== null, 'whenWritable said yes, so there is room');
    commit(sender, span, count, max);
    sender.flush();
    await arriving;
  });

  it(`whenWritable says no at its deadline while the link stays full, and nothing is lost, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const count = await stage.fillFirmly(sender, 0, 100);
    assert.equal(await sender.whenWritable(100, inMs(20)), false);
    assert.equal(await sender.whenWritable(100, inMs(-1)), false);
    await expectMessages(receiver, 0, new Array(count).fill(100), stage.patienceMs);
  });

  it(`whenWritable says yes at once where there is room, whatever the deadline, ${name}`, async (stage) => {
    const { sender } = ends(await stage.pair());
    assert.equal(await sender.whenWritable(sender.maxMessageBytes, inMs(-1)), true);
    assert.equal(await sender.whenWritable(0, Number.POSITIVE_INFINITY), true);
  });

  it(`goes through full again and again with a slow receiver, in order, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const size = Math.ceil(sender.maxMessageBytes / 40);
    const held = fill(sender, 0, size);
    const more = new Array(held * 2 + 100).fill(size);
    const all = new Array(held + more.length).fill(size);
    await Promise.all([
      send(sender, held, more, stage.patienceMs),
      receiveSlowly({ receiver, sizes: all, ms: stage.patienceMs }),
    ]);
  });
}
