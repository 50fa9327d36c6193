import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Link, Span } from '../../transport/contract.js';
import { firstWrong, seeded, write } from '../pattern.js';
import type { Stage } from '../stage.js';
import type { Suite, Way } from '../suite.js';
import { check, claim, inMs, meanwhile, send } from '../traffic.js';

/** Milliseconds of silence after which what has not arrived counts as lost. */
const QUIET_MS = 50;
const FLOOD = 4000;

/** What arrives is whole, and is what was sent on this very link. The rest may be lost, doubled or late. */
export function lossy(suite: Suite): void {
  for (const way of suite.ways) oneWay(suite, way);
}

function oneWay({ it }: Suite, { name, ends }: Way): void {
  it(`carries every size whole if it is sent often enough, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    for (const [index, size] of [0, 1, 2, 31, 32, 33, max - 1, max].entries()) {
      for (let arrived = false; !arrived; ) {
        await send(sender, index, [size], stage.patienceMs);
        while (await receiver.whenReadable(inMs(QUIET_MS))) {
          const span = receiver.receive();
          if (span === null) continue;
          // An earlier one may come late, or twice.
          if (span.end - span.start === size) {
            check(span, index, size);
            arrived = true;
          }
          receiver.release();
          if (arrived) break;
        }
      }
    }
  });

  it(`delivers of a flood whole messages only, each of them one that was sent, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const random = seeded(31);
    const sizes = Array.from({ length: FLOOD }, () => 4 + random(Math.min(sender.maxMessageBytes - 4, 1500)));
    const receiving = meanwhile(receiveNumbered(receiver, (size, index) => sizes[index] === size));
    for (const [index, size] of sizes.entries()) {
      await put(stage, sender, index, size);
      if (index % 64 === 0) await setTimeout(0);
    }
    assert.ok((await receiving) > 0, 'nothing at all arrived');
  });

  it(`sends nothing of an abandoned claim, and no more of one than is committed, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const receiving = meanwhile(receiveNumbered(receiver, (size, index) => size === 40 && index % 2 === 0));
    for (let index = 0; index < 100; index++) {
      const span = await claim(sender, 100, stage.patienceMs);
      number(span, index, 40);
      if (index % 2 === 0) sender.commit(40);
      else sender.abandon();
    }
    sender.flush();
    assert.ok((await receiving) > 0, 'nothing at all arrived');
  });

  it(`leaves a received message alone until its release, whatever comes after it, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    await put(stage, sender, 0, 500);
    assert.ok(await receiver.whenReadable(stage.patience));
    const span = receiver.receive();
    assert.ok(span !== null);
    const { bytes, start, end } = span;
    for (let index = 1; index < 100; index++) await put(stage, sender, index, 500);
    await setTimeout(QUIET_MS);
    assert.equal(firstWrong(0, bytes, start + 4, end), -1, 'the message changed while it was held');
    receiver.release();
  });

  it(`keeps the messages of many links apart, ${name}`, async (stage) => {
    const at = await stage.listen();
    const pairs: { client: Link; server: Link }[] = [];
    for (let i = 0; i < 8; i++) {
      const client = await stage.connect(at.url);
      pairs.push({ client, server: await at.accepted() });
    }
    const both = pairs.map((pair) => ends({ ...pair, listening: at }));
    const receiving = both.map(({ receiver }, link) =>
      meanwhile(receiveNumbered(receiver, (_, index) => index % 8 === link)),
    );
    for (let index = 0; index < 400; index++) await put(stage, both[index % 8]!.sender, index, 60);
    for (const count of await Promise.all(receiving)) assert.ok(count > 0, 'nothing at all arrived');
  });
}

/** Sends message `index`, which begins with its number. */
async function put(stage: Stage, link: Link, index: number, size: number): Promise<void> {
  const span = await claim(link, size, stage.patienceMs);
  number(span, index, size);
  link.commit(size);
  link.flush();
}

function number({ bytes, start }: Span, index: number, size: number): void {
  bytes.writeUInt32LE(index, start);
  write(index, bytes, start + 4, start + size);
}

/** Receives until nothing has come for a while; each must be whole, and one that could have been sent. Returns how many. */
async function receiveNumbered(link: Link, sent: (size: number, index: number) => boolean): Promise<number> {
  let count = 0;
  // The first may take its time: others work, too.
  let patienceMs = 1000;
  while (await link.whenReadable(inMs(patienceMs))) {
    patienceMs = QUIET_MS;
    for (let span = link.receive(); span !== null; span = link.receive()) {
      const { bytes, start, end } = span;
      assert.ok(end - start >= 4, `a message of ${end - start} bytes came, which nobody has sent`);
      const index = bytes.readUInt32LE(start);
      assert.ok(sent(end - start, index), `message ${index} of ${end - start} bytes came, which nobody has sent here`);
      const wrong = firstWrong(index, bytes, start + 4, end);
      assert.equal(wrong, -1, `message ${index} of ${end - start} bytes is damaged from byte ${wrong + 4} on`);
      link.release();
      count++;
    }
    assert.equal(link.end, undefined, 'the link ended');
  }
  return count;
}
