/**
 * What passes between the thread that has the clients' links and one that runs handlers, over one link for all of them.
 * A client's message travels unchanged, envelope and all, between a head and the numbers of the descriptors that came
 * with it. Both threads are of one process, so the numbers are good at either side; little-endian:
 *
 * ```
 *      0        1        2        3
 *  +--------+--------+--------+--------+
 *  |   op   |  flags |  descriptors    |   0   how many numbers are behind the message
 *  +--------+--------+--------+--------+
 *  |               link                |   4   which client's
 *  +--------+--------+--------+--------+
 *  |               done                |   8   to the front: handlers that are done since the last message
 *  +--------+--------+--------+--------+
 *  |             copied                |  12   to the worker: bytes behind the descriptors' numbers: what the message refers to
 *  +--------+--------+--------+--------+
 *  |       came, a float64             |  16   to the worker: when the front received it, in ms of the wall clock's origin
 *  |                                   |
 *  +--------+--------+--------+--------+
 *  |   the message                     |  24
 *  |   u32 for each descriptor         |
 *  |   what it refers to               |
 * ```
 */
export const RELAY_HEAD_BYTES = 24;

export const RelayOp = {
  /** A message of a client, or for one. */
  MESSAGE: 1,
  /** The same, of more bytes than the link should carry: it comes beside, through the port of the two threads. */
  ASIDE: 2,
  /** To the worker: a link that will be spoken of, as JSON. */
  OPEN: 3,
  /** To the worker: a link has ended, as JSON. To the front: it is to be closed, for the last message said why. */
  END: 4,
  /** To the worker: answer this. To the front: the answer. So a thread that does not get to it is found. */
  PING: 5,
  /** To the worker: stop when nothing runs any more. */
  STOP: 6,
  /** To the front: handlers are done, and nothing else is to be said. */
  DONE: 7,
} as const;

export const RelayFlag = {
  /** To the worker: a request that takes a slot. */
  TAKES: 1,
  /** To the front: the handler of an ordered call is done, so that the link's next may run. */
  ORDERED_DONE: 1,
} as const;

/** The clock that both threads have in common, in ms. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Writes all of a head but what only one of the sides says. */
export function writeRelayHead(
  view: DataView,
  at: number,
  op: number,
  flags: number,
  link: number,
  descriptors = 0,
): void {
  view.setUint32(at, op | (flags << 8) | (descriptors << 16), true);
  view.setUint32(at + 4, link, true);
  view.setUint32(at + 8, 0, true);
  view.setUint32(at + 12, 0, true);
  view.setFloat64(at + 16, 0, true);
}
