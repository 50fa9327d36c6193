import assert from 'node:assert/strict';
import { parseAddress } from '../../transport/address.js';
import { expectError, expectRejects, expectThrows } from '../expectations.js';
import { seeded } from '../pattern.js';
import type { Place } from '../peer/remote.js';
import type { Suite } from '../suite.js';
import { claim, echo, expectEnd, expectMessages, inMs, meanwhile, send } from '../traffic.js';
import { blockingEnds } from './blocking-ends.js';
import { blockingWaits } from './blocking-waits.js';

/** Links that block their thread (`connectSync`, `wait…`, `closeSync`). They run elsewhere, watched from this thread. */
export function blocking(suite: Suite): void {
  const { it, expected, ways } = suite;
  if (!expected.capabilities.blocking) {
    notBlocking(suite);
    return;
  }
  for (const place of ['process', 'worker'] as const) {
    if (!expected.reach[place]) continue;
    connecting(suite, place);
    blockingWaits(suite, place);
    blockingEnds(suite, place);
    if (ways.length === 2) pingPong(suite, place);
  }

  it('connectSync to a listener of its own thread does not hang', async (stage) => {
    const place = expected.reach.process ? 'process' : 'worker';
    const peer = await stage.peer(place);
    const url = await peer.call('listen', { url: stage.remoteUrl() });
    // Whether the mechanism can connect without its listener's help differs; hanging is wrong for all.
    const outcome = await peer.call('connectSync', { url, timeoutMs: 50 }).then(
      () => 'connected',
      (error: { code?: string }) => error.code ?? String(error),
    );
    assert.ok(['connected', 'DEADLINE_EXCEEDED', 'FAILED_PRECONDITION'].includes(outcome), outcome);
  });
}

/** A transport whose links cannot block says so, naming the capability, instead of hanging or pretending. */
function notBlocking({ it }: Suite): void {
  const unsupported = { code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', names: 'blocking' } as const;

  it('refuses connectSync: FAILED_PRECONDITION, naming the capability', async (stage) => {
    const { url } = await stage.listen();
    const { transport, options } = stage;
    expectThrows(() => transport.connectSync(parseAddress(url), options, inMs(50)), unsupported);
  });

  it('refuses waitReadable, waitWritable and closeSync: FAILED_PRECONDITION, naming the capability', async (stage) => {
    const { client, server } = await stage.pair();
    for (const link of [client, server]) {
      expectThrows(() => link.waitReadable(inMs(50)), unsupported);
      expectThrows(() => link.waitWritable(1, inMs(50)), unsupported);
      expectThrows(() => link.closeSync(inMs(50)), unsupported);
      assert.equal(link.end, undefined, 'a refusal does not end the link');
    }
  });
}

function connecting({ it, expected }: Suite, place: Place): void {
  it(`connectSync in a ${place} fails like connect does`, async (stage) => {
    const peer = await stage.peer(place);
    const nowhere = peer.call('connectSync', { url: stage.newUrl(), timeoutMs: stage.patienceMs });
    await expectRejects(nowhere, { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    const { url } = await stage.listen();
    await peer.call('connectSync', { url, timeoutMs: -1 }).catch((error: unknown) => {
      expectError(error, { code: 'DEADLINE_EXCEEDED' });
    });
    const options = { ...stage.options, noSuchOption: true };
    const wrong = peer.call('connectSync', { url, options, timeoutMs: stage.patienceMs });
    await expectRejects(wrong, { code: 'INVALID_ARGUMENT' });
    if (!expected.capabilities.credentials) return;
    const at = await stage.listen(stage.newUrl(), { ...stage.options, allow: { uid: [] } });
    const refused = peer.call('connectSync', { url: at.url, timeoutMs: stage.patienceMs });
    await expectRejects(refused, { code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED' });
  });
}

function pingPong({ it }: Suite, place: Place): void {
  it(`goes back and forth between a blocking client in a ${place} and an event loop`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const random = seeded(23);
    const sizes = Array.from({ length: 1000 }, () => random(Math.min(200, link.maxMessageBytes)));
    const max = link.maxMessageBytes;
    sizes.push(max, 0, max, 1, max);
    const echoing = meanwhile(echo(link, stage.patienceMs));
    await peer.call('pingPongSync', { from: 0, sizes });
    await peer.call('closeSync');
    assert.equal(await echoing, sizes.length);
    assert.equal((await expectEnd(link, stage.patienceMs)).orderly, true);
  });

  it(`goes back and forth between an event loop and a blocking server in a ${place}`, async (stage) => {
    const { peer, link } = await stage.server(place);
    const { result } = await peer.begin('echoSync');
    for (const [index, size] of [0, 1, 33, link.maxMessageBytes, 100].entries()) {
      const span = await claim(link, size, stage.patienceMs);
      span.bytes.fill(index, span.start, span.end);
      link.commit(size);
      assert.ok(await link.whenReadable(stage.patience));
      const reply = link.receive();
      assert.ok(reply !== null);
      assert.equal(reply.end - reply.start, size);
      assert.ok(reply.bytes.subarray(reply.start, reply.end).every((byte) => byte === index));
      link.release();
    }
    await link.close(stage.patience);
    assert.equal(await result, 5);
  });

  it(`goes back and forth between two sides that both block, in a ${place} each`, async (stage) => {
    const server = await stage.peer(place);
    const url = await server.call('listen', { url: stage.remoteUrl() });
    const client = await stage.peer(place);
    // While the client blocks in connectSync, the server's event loop still runs.
    const { maxMessageBytes } = await client.call('connectSync', { url, timeoutMs: stage.patienceMs });
    await server.call('accept');
    const { result } = await server.begin('echoSync');
    const sizes = [...new Array(500).fill(40), maxMessageBytes, 0, maxMessageBytes];
    await client.call('pingPongSync', { from: 0, sizes });
    await client.call('closeSync');
    assert.equal(await result, sizes.length);
  });

  it(`sends a blocking client in a ${place} more than its buffers hold, and the other way`, async (stage) => {
    const { peer, link } = await stage.client(place, { sync: true });
    const sizes = new Array(3000).fill(Math.min(link.maxMessageBytes, 4000));
    const { result } = await peer.begin('sendSync', { from: 0, sizes });
    await expectMessages(link, 0, sizes, stage.patienceMs);
    await result;
    const back = peer.call('expectSync', { from: 0, sizes });
    await Promise.all([back, send(link, 0, sizes, stage.patienceMs)]);
  });
}
