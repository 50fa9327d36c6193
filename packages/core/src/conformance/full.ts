/**
 * Filling a link whose ends are on different threads. An end may take messages out of the mechanism by itself, on its
 * own event loop, until its inbox is full: the link is full for good when both sides have had their turns.
 */
import type { Link } from '../transport/contract.js';
import type { RemotePeer } from './peer/remote.js';
import type { Stage } from './stage.js';
import { fillFirmly, turns } from './traffic.js';

type Fill = (from: number, settlingMs: number) => Promise<number>;

/** The system is given time to settle only where nothing else makes room any more: that time is long. */
async function fillUntilQuiet(stage: Stage, fill: Fill, other: () => Promise<unknown>): Promise<number> {
  let count = 0;
  for (let quiet = 0; quiet < 3; ) {
    const more = await fill(count, quiet === 2 ? stage.settlingMs : 0);
    count += more;
    quiet = more > 0 ? 0 : quiet + 1;
    await other();
  }
  return count;
}

/** The peer fills its link to this thread with messages from number 0 on. Gives how many. */
export function fillFromPeer(stage: Stage, peer: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet(stage, (from, settlingMs) => peer.call('fill', { from, size, settlingMs }), turns);
}

/** This thread fills its link to the peer. */
export function fillToPeer(stage: Stage, link: Link, peer: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet(
    stage,
    (from, settlingMs) => fillFirmly(link, from, size, settlingMs),
    () => peer.call('turns'),
  );
}

/** The peer fills its link to another peer. */
export function fillBetween(stage: Stage, peer: RemotePeer, other: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet(
    stage,
    (from, settlingMs) => peer.call('fill', { from, size, settlingMs }),
    () => other.call('turns'),
  );
}
