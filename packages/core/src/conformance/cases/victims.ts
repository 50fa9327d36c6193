import assert from 'node:assert/strict';
import type { Link } from '../../transport/contract.js';
import { monotonicMs } from '../clock.js';
import type { RemotePeer } from '../peer/remote.js';
import type { Stage } from '../stage.js';
import type { Suite } from '../suite.js';
import { expectMessages, send } from '../traffic.js';

/** The survivor of a killed peer must know within this time, in ms. */
const KNOWN_WITHIN_MS = 100;
/** The figure is the mechanism's: a machine that is busy with other things gets another try. */
const TRIES = 3;

export const died = { by: 'peer', orderly: false, code: 'UNAVAILABLE', reason: 'PEER_DIED' } as const;

/** Runs `attempt` (from fresh peers on), which gives the ms from the kill to the knowledge of it. */
export async function knownInTime(attempt: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  while (times.length < TRIES) {
    const ms = await attempt();
    if (ms <= KNOWN_WITHIN_MS) return;
    times.push(Math.round(ms));
  }
  assert.fail(`known ${times.join(', ')} ms after the kill, later than ${KNOWN_WITHIN_MS} ms each time`);
}

/** Kills the process; gives the time at which it was done. */
export function kill(victim: RemotePeer): number {
  const atMs = monotonicMs();
  victim.signal('SIGKILL');
  return atMs;
}

/** Messages in every way that there is, with a peer that is the client. */
export async function exchange(stage: Stage, { ways }: Suite, peer: RemotePeer, link: Link): Promise<void> {
  for (const { forth } of ways) {
    await Promise.all([
      peer.call(forth ? 'send' : 'expect', { from: 0, sizes: [20, 30] }),
      (forth ? expectMessages : send)(link, 0, [20, 30], stage.patienceMs),
    ]);
  }
}
