/**
 * The memory of a shm+simple: link: two slots, one each way, each with room for one message. Little-endian.
 *
 * ```
 *      0  +----------+----------+----------------------------------------+
 *         | status   | length   | the message, 500 bytes, 4 unused       |   slot 0: connector -> acceptor
 *    512  +----------+----------+----------------------------------------+
 *         | status   | length   | the message, 500 bytes, 4 unused       |   slot 1: acceptor -> connector
 *   1024  +----------+----------+----------------------------------------+
 *
 * status   u32  0 empty: the sender may write.  1 full: the receiver may read.  2 end: nothing follows
 * length   u32  of the message in bytes
 * ```
 *
 * The status is the lock: at any time the slot belongs to one side, which gives it to the other by writing the status,
 * last of all. Source: the one-slot buffer of every textbook on operating systems, such as A. Tanenbaum, "Modern
 * Operating Systems", on strict alternation.
 */
export const MESSAGE_BYTES = 500;
export const SLOT_BYTES = 512;
export const SIMPLE_BYTES = 2 * SLOT_BYTES;

/** Word indices within a slot. */
export const STATUS = 0;
export const LENGTH = 1;
/** Offset of the message within a slot. */
export const MESSAGE = 8;

export const EMPTY = 0;
export const FULL = 1;
export const END = 2;
