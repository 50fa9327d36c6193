import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Link } from '../../transport/contract.js';
import { expectThrows } from '../expectations.js';
import { countOpen, expectLoads, type Load, open, read, sendLoads } from '../loads.js';
import { seeded } from '../pattern.js';
import type { Stage } from '../stage.js';
import type { Suite, Way } from '../suite.js';
import { claim, commit, expectEnd, expectMessages, inMs, next, tryClaim } from '../traffic.js';

/** More than this process would like to have open are not kept under way. */
const UNDER_WAY = 60;

/** Open file descriptors that travel with messages: each with its own, owned by one side at a time, none left over. */
export function handles(suite: Suite): void {
  const most = suite.expected.capabilities.handlesPerMessage;
  for (const way of suite.ways) {
    if (most === 0) refused(suite, way);
    else carried(suite, way, most);
  }
  if (most === 0 || !suite.expected.reach.process) return;

  suite.it('delivers the handles of a peer that was killed, and passes handles to a process', async (stage) => {
    const { peer, link } = await stage.client('process');
    const loads = [
      { size: 10, handles: [0, 1] },
      { size: 0, handles: [] },
      { size: 500, handles: [2] },
    ];
    await sendLoads(link, stage.scratch, loads, stage.patienceMs);
    await peer.call('expectLoads', { loads });
    await peer.call('sendLoads', { scratch: stage.scratch, loads });
    await peer.kill();
    await expectLoads(link, loads, stage.patienceMs);
    await expectEnd(link, stage.patienceMs);
    await untilNoneIsOpen(stage);
  });
}

function refused({ it }: Suite, { name, ends }: Way): void {
  it(`refuses handles: FAILED_PRECONDITION, naming the capability; they stay the caller's, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    using handle = open(stage.scratch, 0);
    const span = await claim(sender, 10, stage.patienceMs);
    const refusal = { code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', names: 'handlesPerMessage' } as const;
    expectThrows(() => commit(sender, span, 0, 10, [handle]), refusal);
    assert.equal(read(handle), 'handle 0');
    commit(sender, span, 0, 10, []);
    sender.flush();
    await next(receiver, stage.patienceMs);
    assert.deepEqual(receiver.takeHandles(), []);
    receiver.release();
  });
}

function carried({ it }: Suite, { name, ends }: Way, most: number): void {
  it(`delivers handles with their message, however messages are batched and split, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const max = sender.maxMessageBytes;
    const random = seeded(23);
    let handle = 0;
    const load = (size: number, count: number): Load => ({
      size,
      handles: Array.from({ length: Math.min(count, most) }, () => handle++),
    });
    const loads = [load(0, 1), load(max, 2), load(max, 0), load(1, 1), load(max, 1), load(max, 2), load(0, 0)];
    for (let i = 0; i < 300; i++) loads.push(load(random(i % 20 === 0 ? max : 200), random(3) === 0 ? random(4) : 0));
    await Promise.all([
      sendLoads(sender, stage.scratch, loads, stage.patienceMs),
      expectLoads(receiver, loads, stage.patienceMs),
    ]);
    await untilNoneIsOpen(stage);
  });

  it(`carries as many handles with one message as it says, and refuses one more, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    const opened = Array.from({ length: most + 1 }, (_, n) => open(stage.scratch, n));
    const span = await claim(sender, 7, stage.patienceMs);
    const refusal = { code: 'INVALID_ARGUMENT', names: 'handlesPerMessage' } as const;
    expectThrows(() => commit(sender, span, 0, 7, opened), refusal);
    assert.deepEqual(
      opened.map(read),
      Array.from(opened, (_, n) => `handle ${n}`),
    );
    opened.pop()!.close();
    commit(sender, span, 0, 7, opened);
    sender.flush();
    const numbers = opened.map((_, n) => n);
    await expectLoads(receiver, [{ size: 7, handles: numbers }], stage.patienceMs);
    await untilNoneIsOpen(stage);
  });

  it(`refuses a handle that is closed or given twice, and leaves the others to the caller, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    using good = open(stage.scratch, 0);
    const bad = open(stage.scratch, 1);
    bad.close();
    const span = await claim(sender, 7, stage.patienceMs);
    if (most > 1) expectThrows(() => commit(sender, span, 0, 7, [good, bad]), { code: 'INVALID_ARGUMENT' });
    if (most > 1) expectThrows(() => commit(sender, span, 0, 7, [good, good]), { code: 'INVALID_ARGUMENT' });
    expectThrows(() => commit(sender, span, 0, 7, [bad]), { code: 'INVALID_ARGUMENT' });
    assert.equal(read(good), 'handle 0');
    commit(sender, span, 0, 7, []);
    sender.flush();
    await expectMessages(receiver, 0, [7], stage.patienceMs);
  });

  it(`closes handles that nobody took when their message is released, ${name}`, async (stage) => {
    const { sender, receiver } = ends(await stage.pair());
    for (let i = 0; i < 5; i++) {
      await sendLoads(sender, stage.scratch, [{ size: 3, handles: [i] }], stage.patienceMs);
      await next(receiver, stage.patienceMs);
      if (i === 0) {
        const [taken] = receiver.takeHandles();
        assert.deepEqual(receiver.takeHandles(), [], 'handles are taken once');
        receiver.release();
        assert.equal(read(taken!), 'handle 0', 'a taken handle outlives its message');
        taken!.close();
        taken!.close();
        assert.equal(taken!.value, -1);
      } else {
        receiver.release();
        assert.deepEqual(receiver.takeHandles(), [], 'a released message has no handles any more');
      }
      await untilNoneIsOpen(stage);
    }
  });

  it(`closes handles that were never received, ${name}`, async (stage) => {
    for (const end of ['abort', 'close', 'abort of the receiver', 'taken over'] as const) {
      const { sender, receiver } = ends(await stage.pair());
      // Some of them are with the sender still, some under way, some with the receiver, who looked at the first.
      load(sender, stage);
      sender.flush();
      await next(receiver, stage.patienceMs);
      if (end === 'taken over') receiver.takeHandles()[0]?.close();
      receiver.release();
      load(sender, stage);
      if (end === 'abort') sender.abort();
      else if (end === 'close') await sender.close(inMs(100));
      receiver.abort();
      sender.abort();
      await untilNoneIsOpen(stage);
    }
  });
}

/** As many messages with a handle each as there is room for, within reason. */
function load(link: Link, stage: Stage): void {
  for (let i = 0; i < UNDER_WAY; i++) {
    const span = tryClaim(link, 2000);
    if (span === null) return;
    commit(link, span, i, 2000, [open(stage.scratch, i)]);
  }
}

/** The kernel closes what was under way in its own time. */
async function untilNoneIsOpen(stage: Stage): Promise<void> {
  const until = inMs(stage.patienceMs);
  while (countOpen(stage.scratch) > 0 && performance.now() < until) await setTimeout(5);
  assert.equal(countOpen(stage.scratch), 0, 'handles are left open that nobody owns');
}
