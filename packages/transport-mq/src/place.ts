import { type Address, badAddress, socketPath } from '@callgate/core/transport';
import { messageQueueKey } from '@callgate/native';

/** Where a mailbox is. */
export interface Place {
  readonly url: string;
  /** The kernel's key of the queue. */
  readonly key: number;
  /** The file that tells who uses it. */
  readonly roster: string;
  /** The key was given, not computed: a queue that is there already may be somebody's who knows nothing of rosters. */
  readonly byKey: boolean;
}

/**
 * `mq:geo` is met in this user's own directory, `mq:/run/geo.mq` and `mq:./geo.mq` at that path: a small file stands
 * there, and the queue's key is computed from the whole path. `mq:0x4347` is the queue of that key.
 */
export function placeOf(address: Address): Place {
  const { url, path } = address;
  const byKey = /^0x[0-9a-f]+$/i.test(path);
  if (byKey) {
    const key = Number.parseInt(path, 16);
    if (!(key > 0 && key <= 0xffff_ffff)) throw badAddress(url, 'a key has 32 bits: 0x1 to 0xffffffff');
    return { url, key, byKey, roster: rosterOf({ ...address, path: `0x${key.toString(16)}` }) };
  }
  const roster = rosterOf(address);
  return { url, key: messageQueueKey(roster), byKey, roster };
}

/** Bare names lie where those of sockets do, under another ending. */
function rosterOf(address: Address): string {
  const path = socketPath(address);
  return path.endsWith('.mq.sock') && !address.path.includes('/') ? path.replace(/sock$/, 'roster') : path;
}
