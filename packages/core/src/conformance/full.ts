/**
 * Filling a link whose ends are on different threads. An end may take messages out of the mechanism by itself, on its
 * own event loop, until its inbox is full: the link is full for good when both sides have had their turns.
 */
import type { Link } from '../transport/contract.js';
import type { RemotePeer } from './peer/remote.js';
import type { Stage } from './stage.js';
import { turns } from './traffic.js';

async function fillUntilQuiet(fill: (from: number) => Promise<number>, other: () => Promise<unknown>): Promise<number> {
  let count = 0;
  for (let quiet = 0; quiet < 2; ) {
    const more = await fill(count);
    count += more;
    quiet = more > 0 ? 0 : quiet + 1;
    await other();
  }
  return count;
}

/** The peer fills its link to this thread with messages from number 0 on. Gives how many. */
export function fillFromPeer(peer: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet((from) => peer.call('fill', { from, size }), turns);
}

/** This thread fills its link to the peer. */
export function fillToPeer(stage: Stage, link: Link, peer: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet(
    (from) => stage.fillFirmly(link, from, size),
    () => peer.call('turns'),
  );
}

/** The peer fills its link to another peer. */
export function fillBetween(peer: RemotePeer, other: RemotePeer, size: number): Promise<number> {
  return fillUntilQuiet(
    (from) => peer.call('fill', { from, size }),
    () => other.call('turns'),
  );
}
