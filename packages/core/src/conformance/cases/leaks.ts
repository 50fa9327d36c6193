import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { RemotePeer } from '../peer/remote.js';
import { descriptors, isForeign, isForeignObject, lookAtMachine, mappings, surplus, timers } from '../probe.js';
import type { Stage } from '../stage.js';
import type { Suite } from '../suite.js';
import { expectEnd, expectMessages, fillFirmly, inMs, send } from '../traffic.js';

/** Cycles before counting, for what is made once and kept. */
const WARM_UP = 2;
const CYCLES = 10;
/** A deadline, in ms from now, whose timer shows if it is left behind. */
const FAR_OFF_MS = 3_600_000;
/** More for what is cheap: a leak of one in ten shows too. */
const CHEAP_CYCLES = 25;

/** Whatever happens, nothing is left: descriptors, mappings, timers, files, names. */
export function leaks({ it, expected, ways }: Suite): void {
  /** The same life again and again must leave the process as it was. */
  function cycle(what: string, cycles: number, life: (stage: Stage) => Promise<void>): void {
    it(`leaves no descriptor, mapping or timer behind: ${what}`, async (stage) => {
      for (let i = 0; i < WARM_UP; i++) await live(stage, life);
      await setTimeout(20);
      const before = { fds: descriptors(), maps: mappings(), timers: timers() };
      for (let i = 0; i < cycles; i++) await live(stage, life);
      await untilEmpty(stage, () => [
        ...surplus(before.fds, descriptors()),
        ...surplus(before.maps, mappings()),
        ...surplus(before.timers, timers()),
      ]);
    });
  }

  cycle('links that were closed', CHEAP_CYCLES, async (stage) => {
    const pair = await stage.pair();
    for (const { ends } of ways) {
      const { sender, receiver } = ends(pair);
      await send(sender, 0, [10], stage.patienceMs);
      // The end itself needs room.
      if (expected.holds === 1) await expectMessages(receiver, 0, [10], stage.patienceMs);
    }
    await Promise.all([pair.client.close(stage.patience), pair.server.close(stage.patience)]);
  });

  cycle('links that were aborted while full', CYCLES, async (stage) => {
    const pair = await stage.pair();
    // How full does not matter here.
    for (const { ends } of ways) await fillFirmly(ends(pair).sender, 0, 100, 0);
    pair.client.abort();
    pair.server.abort();
  });

  cycle('links that only the other side has closed', CHEAP_CYCLES, async (stage) => {
    const { client, server } = await stage.pair();
    await client.close(stage.patience);
    await expectEnd(server, stage.patienceMs);
    await server.close();
  });

  cycle('waits that ended by deadline and by signal', CHEAP_CYCLES, async (stage) => {
    const { client, server } = await stage.pair();
    const controller = new AbortController();
    const wait = server.whenReadable(inMs(FAR_OFF_MS), controller.signal);
    await client.whenReadable(inMs(1));
    controller.abort(new Error('enough'));
    await wait.catch(() => {});
    client.abort();
    server.abort();
  });

  // Few: a mechanism that has to ask around whether somebody is there may take its time.
  cycle('connections to nobody', 3, async (stage) => {
    await stage.connect(stage.newUrl()).catch(() => {});
  });

  cycle('connections that failed', CHEAP_CYCLES, async (stage) => {
    const at = await stage.listen();
    await stage.listen(at.url).catch(() => {});
    await stage.connect(at.url, stage.options, inMs(-1)).catch(() => {});
    await stage.connect(at.url, { ...stage.options, noSuchOption: 1 }).catch(() => {});
  });

  if (expected.capabilities.credentials) {
    cycle('peers that were refused', CYCLES, async (stage) => {
      const at = await stage.listen(stage.newUrl(), { ...stage.options, allow: { uid: [] } });
      await stage.connect(at.url).catch(() => {});
    });
  }

  if (expected.reach.worker) {
    cycle('peers on a thread that was terminated', CYCLES, async (stage) => {
      const { peer, link } = await stage.client('worker');
      await peer.kill();
      if (expected.capabilities.peerDeath) await expectEnd(link, stage.patienceMs);
    });
    cycle('servers on a thread that was terminated', CYCLES, async (stage) => {
      const { peer } = await stage.server('worker');
      await peer.kill();
    });
  }

  if (expected.reach.process) {
    cycle('processes that were killed', CYCLES / 2, async (stage) => {
      const { peer } = await stage.client('process');
      if (ways.some((way) => way.forth)) await peer.begin('flood', { from: 0, size: 100 });
      await peer.kill();
    });
  }

  it('has left nothing in its folder, in /dev/shm and among the System V objects', async (stage) => {
    const { client, server, listening } = await stage.pair();
    await Promise.all([client.close(stage.patience), server.close(stage.patience), listening.listener.close()]);
    await stage.clearAwayServers();
    const own = new Set([process.pid, ...RemotePeer.pids]);
    const look = () => {
      const now = lookAtMachine();
      const names = now.sharedMemory.filter((name) => !stage.atStart.sharedMemory.includes(name));
      const objects = now.systemV.filter((name) => !stage.atStart.systemV.includes(name));
      return [
        ...readdirSync(stage.scratch),
        ...names.filter((name) => !isForeign(name, own, stage.scratch)).map((name) => `/dev/shm/${name}`),
        ...objects.filter((object) => !isForeignObject(object, own)),
      ];
    };
    // What others of this machine make from now on is none of this suite's, and what of theirs is there now will go.
    let suspects = look();
    await untilEmpty(stage, () => {
      const now = new Set(look());
      suspects = suspects.filter((name) => now.has(name));
      return suspects;
    });
  });
}

async function live(stage: Stage, life: (stage: Stage) => Promise<void>): Promise<void> {
  await life(stage);
  await stage.clear();
}

/** Mechanisms may take a moment to go; what stays for good is a leak. */
async function untilEmpty(stage: Stage, look: () => string[]): Promise<void> {
  const until = inMs(stage.patienceMs);
  let left = look();
  while (left.length > 0 && performance.now() < until) {
    await setTimeout(20);
    left = look();
  }
  assert.deepEqual(left, [], 'something was left behind');
}
