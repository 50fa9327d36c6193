import assert from 'node:assert/strict';
import type { AllowRule } from '../../transport/contract.js';
import { expectError, expectRejects } from '../expectations.js';
import type { Place } from '../peer/remote.js';
import type { Suite } from '../suite.js';
import { expectMessages, send } from '../traffic.js';

/** Who is at the other end: the kernel's word, and rules about it. */
export function peers(suite: Suite): void {
  const { it, expected } = suite;
  const places = (['worker', 'process'] as const).filter((place) => expected.reach[place]);
  if (expected.capabilities.credentials) withCredentials(suite, places);
  else withoutCredentials(suite);

  for (const place of places) {
    for (const role of ['client', 'server'] as const) {
      it(`carries messages to and from a ${role} that is a ${place}`, async (stage) => {
        const { peer, link } = await stage[role](place);
        const sizes = [0, 1, 33, link.maxMessageBytes, 7];
        for (const way of suite.ways) {
          const peerSends = way.forth === (role === 'client');
          await Promise.all([
            peer.call(peerSends ? 'send' : 'expect', { from: 0, sizes }),
            (peerSends ? expectMessages : send)(link, 0, sizes, stage.patienceMs),
          ]);
        }
      });
    }
  }

  for (const place of ['worker', 'process'] as const) {
    if (expected.reach[place]) continue;
    it(`cannot be reached from a ${place}: UNAVAILABLE (UNREACHABLE)`, async (stage) => {
      const { url } = await stage.listen();
      const peer = await stage.peer(place);
      const connecting = peer.call('connect', { url, timeoutMs: stage.patienceMs });
      await expectRejects(connecting, { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    });
  }
}

function withCredentials({ it }: Suite, places: readonly Place[]): void {
  const uid = process.geteuid?.() ?? -1;
  const gid = process.getegid?.() ?? -1;

  it('tells both ends on one thread that the peer is this process', async (stage) => {
    const { client, server } = await stage.pair();
    assert.deepEqual({ ...client.peer.credentials }, { pid: process.pid, uid, gid });
    assert.deepEqual({ ...server.peer.credentials }, { pid: process.pid, uid, gid });
  });

  for (const place of places) {
    it(`tells pid, uid and gid of a peer that is a ${place}, to the server and to the client`, async (stage) => {
      const { peer: client, link: accepted } = await stage.client(place);
      assert.deepEqual({ ...accepted.peer.credentials }, { pid: client.pid, uid, gid });
      assert.deepEqual((await client.call('about')).peer.credentials, { pid: process.pid, uid, gid });
      const { peer: server, link: connected } = await stage.server(place);
      assert.deepEqual({ ...connected.peer.credentials }, { pid: server.pid, uid, gid });
    });
  }

  const admitting: Readonly<Record<string, AllowRule>> = {
    'no rule': {},
    'its uid': { uid },
    'its gid': { gid },
    'one of several uids, and its gid': { uid: [uid + 1, uid], gid: [gid] },
  };
  for (const [rule, allow] of Object.entries(admitting)) {
    it(`admits a peer under the rule: ${rule}`, async (stage) => {
      const at = await stage.listen(stage.newUrl(), { ...stage.options, allow });
      const client = await stage.connect(at.url);
      await at.accepted();
      assert.equal(client.end, undefined);
      assert.deepEqual(at.errors, []);
    });
  }

  const refusing: Readonly<Record<string, AllowRule>> = {
    'another uid': { uid: uid + 1 },
    'no uid at all': { uid: [] },
    'no gid at all': { gid: [] },
    'its uid, but another gid': { uid, gid: gid + 1 },
  };
  for (const [rule, allow] of Object.entries(refusing)) {
    it(`refuses a peer under the rule: ${rule}; PERMISSION_DENIED on both sides`, async (stage) => {
      const at = await stage.listen(stage.newUrl(), { ...stage.options, allow });
      await expectRejects(stage.connect(at.url), { code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED' });
      const until = stage.patience;
      while (at.errors.length === 0 && performance.now() < until) await new Promise(setImmediate);
      expectError(at.errors[0], { code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED' });
      assert.equal(at.waiting.length, 0, 'a refused peer must not become a link');
    });
  }
}

function withoutCredentials({ it }: Suite): void {
  it('claims to know nothing of its peer that the kernel has not told', async (stage) => {
    const { client, server } = await stage.pair();
    assert.equal(client.peer.credentials, undefined);
    assert.equal(server.peer.credentials, undefined);
  });

  it('refuses to listen under a rule that it cannot enforce: FAILED_PRECONDITION, naming the capability', async (stage) => {
    const listening = stage.listen(stage.newUrl(), { ...stage.options, allow: { uid: process.geteuid?.() ?? 0 } });
    await expectRejects(listening, { code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', names: 'credentials' });
  });
}
