import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { RpcError } from '../../errors/index.js';
import type { Link } from '../../transport/contract.js';
import { expectEndIs, expectHarmless } from '../expectations.js';
import type { Suite } from '../suite.js';
import { expectEnd, inMs, send } from '../traffic.js';
import { aborting } from './aborting.js';
import { closing } from './closing.js';

/** How links end: orderly by close, at once by abort, whoever does it and however often. */
export function ending(suite: Suite): void {
  const { it } = suite;
  for (const way of suite.ways) {
    closing(suite, way);
    aborting(suite, way);
  }

  it('has no end while it lives, and then one that `closed` settles with, once', async (stage) => {
    const { client, server } = await stage.pair();
    for (const link of [client, server]) {
      assert.equal(link.end, undefined);
      assert.equal(link.ended, false);
      assert.equal(link.closed, link.closed, '`closed` is one promise');
    }
    const settled: unknown[] = [];
    for (const link of [client, server]) void link.closed.then((end) => settled.push(end));
    await setImmediate();
    assert.equal(settled.length, 0, 'closed settled too early');
    await client.close(stage.patience);
    await expectEnd(server, stage.patienceMs);
    await server.close(stage.patience);
    const ends = await stage.within(Promise.all([client.closed, server.closed]), '`closed` of both sides');
    assert.deepEqual(ends, [client.end, server.end]);
    expectEndIs(client.end, { by: 'local', orderly: true, reason: 'CLOSED' });
    expectEndIs(server.end, { by: 'peer', orderly: true, code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
    assert.equal(settled.length, 2);
  });

  it('takes close and abort in any order and number, and keeps its first end', async (stage) => {
    const mixes: readonly ((link: Link) => unknown)[][] = [
      [(link) => link.close(), (link) => link.close(), (link) => link.close(inMs(-1))],
      [(link) => link.abort(), (link) => link.abort(), (link) => link.close()],
      [(link) => link.close(), (link) => link.abort(), (link) => link.close()],
      [(link) => link.abort(new RpcError('ABORTED', 'first')), (link) => link.abort(new RpcError('ABORTED', 'second'))],
    ];
    for (const [index, mix] of mixes.entries()) {
      for (const turns of [0, 1]) {
        const { client, server } = await stage.pair();
        const results = [];
        for (const action of mix) {
          results.push(action(client));
          if (turns > 0) await setImmediate();
        }
        await stage.within(Promise.all(results), `mix ${index} to finish`);
        const end = client.end;
        await expectHarmless(client, false);
        assert.equal(client.end, end);
        if (index === 3) assert.equal(end?.error.message, 'first');
        await expectEnd(server, stage.patienceMs);
        await server.close(stage.patience);
      }
    }
  });

  it('closes from both sides at once, in order on both', async (stage) => {
    for (let round = 0; round < 10; round++) {
      const { client, server } = await stage.pair();
      await stage.within(Promise.all([client.close(stage.patience), server.close(stage.patience)]), 'both to close');
      for (const link of [client, server]) {
        assert.equal(link.end?.orderly, true, 'nothing was lost');
        assert.notEqual(link.end?.by, 'fault');
        await expectHarmless(link, false);
      }
    }
  });

  it('closes from both sides at once although both ways are full, by the deadline', async (stage) => {
    const { client, server } = await stage.pair();
    if (suite.ways.length === 2) await stage.fillFirmly(server, 0, 100);
    if (suite.ways[0]?.forth) await stage.fillFirmly(client, 0, 100);
    await stage.within(Promise.all([client.close(inMs(50)), server.close(inMs(50))]), 'both to close');
    await expectHarmless(client, false);
    await expectHarmless(server, false);
  });

  it('is harmless after the other side has closed, and after it has aborted', async (stage) => {
    for (const how of ['close', 'abort'] as const) {
      const { client, server } = await stage.pair();
      void client[how]();
      await expectEnd(server, stage.patienceMs);
      await expectHarmless(server, false);
    }
  });

  it('kills one of many links without touching the others', async (stage) => {
    const listening = await stage.listen();
    const pairs = [];
    for (let i = 0; i < 8; i++) {
      pairs.push({ client: await stage.connect(listening.url), server: await listening.accepted(), listening });
    }
    pairs[1]!.client.abort();
    pairs[3]!.server.abort();
    await pairs[5]!.client.close(stage.patience);
    for (const index of [0, 2, 4, 6, 7]) {
      for (const way of suite.ways) {
        const { sender, receiver } = way.ends(pairs[index]!);
        assert.equal(sender.end, undefined);
        await send(sender, index, [30], stage.patienceMs);
        const span = (await receiver.whenReadable(stage.patience)) ? receiver.receive() : null;
        assert.ok(span !== null, `link ${index} still carries messages ${way.name}`);
        receiver.release();
      }
    }
  });
}
