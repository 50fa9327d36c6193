/**
 * The memory of one connection that a thread of ours keeps for a thread that blocks. "In" are bytes from the peer, "out"
 * those to it; the user is the thread that blocks, the keeper the one that has the socket. Each word has one writer.
 *
 * ```
 *   byte     0  word   0   bell of the user     a number that grows whenever it is rung
 *           64  word  16   bell of the keeper
 *          128  word  32   in: bytes written    (keeper)   numbers of 32 bits that go round
 *          192  word  48   in: bytes read       (user)
 *          256  word  64   out: bytes written   (user)
 *          320  word  80   out: bytes read      (keeper)
 *          384  word  96   stage of the keeper: 0 working, 1 open, 2 hung up, 3 all is with the system, 4 released
 *               word  97   wish of the user: 0 none, 1 close in order, 2 drop all
 *               word  98   the keeper waits for room in "in"
 *               word  99   the user waits for room in "out"
 *          448             ring of "in", RING_BYTES
 *       448 + RING_BYTES   ring of "out", RING_BYTES
 * ```
 *
 * What does not fit here goes by a MessagePort, written before the stage that tells of it: why there is no connection, who
 * the peer is, and, at the end, what is left to read and what went wrong.
 */
export const USER_BELL = 0;
export const KEEPER_BELL = 16;
export const IN_WRITTEN = 32;
export const IN_READ = 48;
export const OUT_WRITTEN = 64;
export const OUT_READ = 80;
export const STAGE = 96;
export const WISH = 97;
export const KEEPER_STALLED = 98;
export const USER_STALLED = 99;

const HEAD_BYTES = 448;
export const RING_BYTES = 65_536;

/** Stages, in the order in which they come. */
export const WORKING = 0;
export const OPEN = 1;
export const HUNG_UP = 2;
export const WRITTEN = 3;
export const RELEASED = 4;

/** Wishes. */
export const CLOSE = 1;
export const DROP = 2;

/** Both threads' view of it. */
export interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly incoming: Buffer;
  readonly outgoing: Buffer;
}

export function createShared(): Shared {
  return sharedOver(new SharedArrayBuffer(HEAD_BYTES + 2 * RING_BYTES));
}

export function sharedOver(memory: SharedArrayBuffer): Shared {
  return {
    memory,
    words: new Int32Array(memory, 0, HEAD_BYTES / 4),
    incoming: Buffer.from(memory, HEAD_BYTES, RING_BYTES),
    outgoing: Buffer.from(memory, HEAD_BYTES + RING_BYTES, RING_BYTES),
  };
}

/** Wakes whoever waits for a bell to change. */
export function ring(words: Int32Array, bell: typeof USER_BELL | typeof KEEPER_BELL): void {
  Atomics.add(words, bell, 1);
  Atomics.notify(words, bell);
}
