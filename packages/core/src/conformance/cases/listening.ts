import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { RpcError } from '../../errors/index.js';
import type { Link } from '../../transport/contract.js';
import { describe, expectError, expectRejects } from '../expectations.js';
import type { Pair, Stage } from '../stage.js';
import type { Suite } from '../suite.js';
import { expectEnd, expectMessages, inMs, send } from '../traffic.js';

/** Finding each other: addresses that are free, taken, or nobody's; listeners and what outlives them. */
export function listening(suite: Suite): void {
  const { it, expected, ways } = suite;

  /** The pair carries a message in every way. */
  async function works(stage: Stage, pair: Pair): Promise<void> {
    for (const { ends } of ways) {
      const { sender, receiver } = ends(pair);
      await Promise.all([send(sender, 0, [40], stage.patienceMs), expectMessages(receiver, 0, [40], stage.patienceMs)]);
    }
  }

  async function newPair(stage: Stage, at: Pair['listening']): Promise<Pair> {
    const client = await stage.connect(at.url);
    return { client, server: await at.accepted(), listening: at };
  }

  it('cannot connect where nobody listens: UNAVAILABLE (UNREACHABLE)', async (stage) => {
    await expectRejects(stage.connect(stage.newUrl()), { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
  });

  it('tells at which URL it can be reached', async (stage) => {
    const { client, listening, server } = await stage.pair();
    assert.ok(listening.url.startsWith(`${stage.transport.scheme}:`), listening.url);
    assert.ok(client.peer.address.startsWith(`${stage.transport.scheme}:`), client.peer.address);
    assert.equal(typeof server.peer.address, 'string');
    await works(stage, { client, server, listening });
  });

  if (expected.capabilities.addressing === 'direct') {
    it('refuses to listen where somebody listens, ALREADY_EXISTS (ADDRESS_IN_USE), and does not harm him', async (stage) => {
      const pair = await stage.pair();
      const again = stage.listen(pair.listening.url);
      await expectRejects(again, { code: 'ALREADY_EXISTS', reason: 'ADDRESS_IN_USE' });
      await works(stage, pair);
      await works(stage, await newPair(stage, pair.listening));
    });
  } else {
    it('lets several listen at one mailbox: each message is taken by one, and who goes leaves the others', async (stage) => {
      const url = stage.newUrl();
      const listenings = [await stage.listen(url), await stage.listen(url)];
      const client = await stage.connect(url);
      const sizes = Array.from({ length: 50 }, (_, size) => size);
      await send(client, 0, sizes, stage.patienceMs);
      const links: Link[] = [];
      const seen: number[] = [];
      for (const until = stage.patience; seen.length < 50 && performance.now() < until; await setTimeout(1)) {
        for (const at of listenings) while (at.waiting.length > 0) links.push(await at.accepted());
        for (const link of links) {
          for (let span = link.receive(); span !== null; span = link.receive()) {
            seen.push(span.end - span.start);
            link.release();
          }
        }
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        sizes,
      );
      await listenings[0]!.listener.close();
      await works(stage, await newPair(stage, listenings[1]!));
    });
  }

  it('frees its address when it stops listening', async (stage) => {
    const url = stage.newUrl();
    for (let round = 0; round < 3; round++) {
      const at = await stage.listen(url);
      await works(stage, await newPair(stage, at));
      await stage.within(at.listener.close(), 'the listener to close');
      await expectRejects(stage.connect(url), { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    }
  });

  it('closes a listener any number of times, and never the links that came of it', async (stage) => {
    const pair = await stage.pair();
    const { listener } = pair.listening;
    await stage.within(Promise.all([listener.close(), listener.close()]), 'the listener to close');
    await stage.within(listener.close(), 'the listener to close again');
    listener.ref();
    listener.unref();
    assert.equal(pair.client.end, undefined);
    assert.equal(pair.server.end, undefined);
    await works(stage, pair);
  });

  it('does not touch what listens at its old address now', async (stage) => {
    const url = stage.newUrl();
    const first = await stage.listen(url);
    await first.listener.close();
    const second = await stage.listen(url);
    await first.listener.close();
    await works(stage, await newPair(stage, second));
  });

  it('gives each of 40 clients that connect at once a link of its own', async (stage) => {
    const at = await stage.listen();
    const clients = await Promise.all(Array.from({ length: 40 }, () => stage.connect(at.url)));
    const servers: Link[] = [];
    while (servers.length < 40) servers.push(await at.accepted());
    // Which server end belongs to which client is told by the first message: its size is the client's number.
    const forth = ways.some((way) => way.forth);
    const [from, to] = forth ? [clients, servers] : [servers, clients];
    await Promise.all(from.map((link, number) => send(link, number, [number], stage.patienceMs)));
    const seen = new Set<number>();
    for (const link of to) {
      assert.ok(await link.whenReadable(stage.patience));
      const span = link.receive();
      assert.ok(span !== null);
      seen.add(span.end - span.start);
      link.release();
    }
    assert.equal(seen.size, 40);
  });

  it('carries what a client sends at once, before its server has looked', async (stage) => {
    const { sender, receiver } = ways[0]!.ends(await stage.pair());
    const sizes = [1, 2, 3].slice(0, expected.holds);
    await send(sender, 0, sizes, stage.patienceMs);
    await setTimeout(10);
    await expectMessages(receiver, 0, sizes, stage.patienceMs);
  });

  it('does not wait when its deadline is past: connects at once or not at all, DEADLINE_EXCEEDED', async (stage) => {
    const at = await stage.listen();
    const link = await stage.connect(at.url, stage.options, inMs(-1)).catch((error: unknown) => {
      expectError(error, { code: 'DEADLINE_EXCEEDED' });
    });
    if (link) await works(stage, { client: link, server: await at.accepted(), listening: at });
    await noLinkIsLeft(stage, at);
    await works(stage, await newPair(stage, at));
  });

  it('does not connect with an aborted signal, nor leave anything behind when aborted on the way', async (stage) => {
    const at = await stage.listen();
    const reason = new Error('changed my mind');
    await rejectsByCaller(stage.connect(at.url, stage.options, stage.patience, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const connecting = stage.connect(at.url, stage.options, stage.patience, controller.signal);
    controller.abort(reason);
    // It may have been done before it noticed.
    const link = await connecting.catch(async (error: unknown) => {
      await rejectsByCaller(Promise.reject(error), reason);
      return undefined;
    });
    link?.abort();
    await noLinkIsLeft(stage, at);
    await works(stage, await newPair(stage, at));
  });
}

/** What was accepted of clients that gave up ends by itself. */
async function noLinkIsLeft(stage: Stage, at: Pair['listening']): Promise<void> {
  await setTimeout(20);
  for (const link of at.waiting) await expectEnd(link, stage.patienceMs);
  (at.waiting as Link[]).length = 0;
}

async function rejectsByCaller(promise: Promise<unknown>, reason: Error): Promise<void> {
  const error = await promise.then(
    () => assert.fail('connected with an aborted signal'),
    (thrown: unknown) => thrown,
  );
  const told = error === reason || (RpcError.is(error) && error.code === 'CANCELLED');
  assert.ok(told, `expected the signal's reason or CANCELLED, found ${describe(error)}`);
}
