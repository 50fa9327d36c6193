import assert from 'node:assert/strict';
import { expectEndIs } from '../expectations.js';
import { fillBetween } from '../full.js';
import { fromPlainEnd } from '../peer/protocol.js';
import type { Place } from '../peer/remote.js';
import type { Stage } from '../stage.js';
import type { Suite } from '../suite.js';
import { died, kill, knownInTime } from './victims.js';

/** A peer that is killed while the other side's thread blocks. Both are programs elsewhere, watched from here. */
export function dyingBeforeBlocked({ it, expected, ways }: Suite): void {
  const places = (['process', 'worker'] as const).filter((place) => expected.reach[place]);
  for (const place of places) {
    it(`waitReadable tells a blocked ${place} within 100 ms that its server was killed`, async (stage) => {
      await knownInTime(async () => {
        const { survivor, victim } = await meet(stage, place);
        const { result } = await survivor.begin('waitReadable');
        await survivor.fallAsleep();
        const at = kill(victim);
        const { result: readable, atMs } = await result;
        assert.equal(readable, true);
        expectEndIs(fromPlainEnd(await survivor.call('expectEnd')), died);
        await survivor.call('expectHarmless', { blocking: true });
        return atMs - at;
      });
    });

    if (!ways.some((way) => way.forth)) continue;
    it(`waitWritable tells a blocked ${place} within 100 ms that its server was killed`, async (stage) => {
      await knownInTime(async () => {
        const { survivor, victim } = await meet(stage, place);
        await fillBetween(stage, survivor, victim, 100);
        const { result } = await survivor.begin('waitWritable', { bytes: 100, timeoutMs: Number.POSITIVE_INFINITY });
        await survivor.fallAsleep();
        const at = kill(victim);
        const { result: writable, atMs, end } = await result;
        assert.equal(writable, true);
        expectEndIs(fromPlainEnd(end), died);
        return atMs - at;
      });
    });
  }
}

async function meet(stage: Stage, place: Place) {
  const victim = await stage.peer('process');
  const url = await victim.call('listen', { url: stage.remoteUrl() });
  const survivor = await stage.peer(place);
  await survivor.call('connectSync', { url, timeoutMs: stage.patienceMs });
  await victim.call('accept');
  return { survivor, victim };
}
