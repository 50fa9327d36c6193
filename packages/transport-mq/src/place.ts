import { type Address, badAddress, checkSocketPath, socketPath } from '@callgate/core/transport';
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
  const { url } = address;
  const key = keyOf(address);
  const byKey = key !== undefined;
  if (byKey) {
    return { url, key, byKey, roster: rosterOf({ ...address, path: `0x${key.toString(16)}` }) };
  }
  const roster = rosterOf(address);
  return { url, key: messageQueueKey(roster), byKey, roster };
}

/** What `placeOf` throws for the text of an address: BAD_ADDRESS. Looks at nothing else. */
export function checkAddress(address: Address): void {
  if (keyOf(address) === undefined) checkSocketPath(address);
}

/** Undefined where the address is a name or a path. */
function keyOf({ url, path }: Address): number | undefined {
  if (!/^0x[0-9a-f]+$/i.test(path)) return undefined;
  const key = Number.parseInt(path, 16);
  if (key > 0 && key <= 0xffff_ffff) return key;
  throw badAddress(url, 'a key has 32 bits: 0x1 to 0xffffffff');
}

/** Bare names lie where those of sockets do, under another ending. */
function rosterOf(address: Address): string {
  const path = socketPath(address);
  return path.endsWith('.mq.sock') && !address.path.includes('/') ? path.replace(/sock$/, 'roster') : path;
}
