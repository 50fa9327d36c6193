/**
 * The byte layout of the place at which peers meet: memory that has the name, or the key, of the address. The server
 * makes it; every client maps it, for as long as it takes to meet. Little-endian words of 32 bits.
 *
 * ```
 *          0  +-----------------------------------------------------+
 *             | magic | version | bytes of each ring | slots        |  written once by the server, the magic last
 *         16  | server's pid | its start time, low, high | closed   |
 *         32  | permission bits | bytes of the address' name        |
 *         64  | the name, UTF-8                                     |  what it is the place of: two names can meet in one key
 *       2048  +-----------------------------------------------------+
 *             | bell, 512 bytes (native/bell.cc): the server's is 1 |
 *       4096  +-----------------------------------------------------+
 *             | slots, 512 bytes each                               |
 *             +-----------------------------------------------------+
 *             | links: 1024 words, the id, plus 1, of the semaphores|  of links that live, to be removed after a death
 *             +-----------------------------------------------------+
 *
 * slot:  0  client's pid, 0 when free    taken and given back by compare-and-exchange; a dead owner's is given back by the server
 *        4  state                        FREE -> ASKED (client) -> TAKEN -> ACCEPTED | REFUSED (server) -> FREE (client)
 *        8  client's start time, low, high
 *       16  which memory: two words, whose meaning is the mechanism's
 *       24  status of a refusal (a gRPC code)
 *       28  bytes of its text
 *       64  the text, UTF-8, at most 448 bytes
 * ```
 *
 * The client makes the memory of the link (transport/ring/layout.ts, with a bell at 2048, where it has room; the
 * connector's end is 0), so that the kernel tells the server who made it.
 */
export const PLACE_MAGIC = 0x4d454743; // 'CGEM'
export const PLACE_VERSION = 1;

export const VERSION = 1;
export const RING_BYTES = 2;
export const SLOTS = 3;
export const SERVER_PID = 4;
export const SERVER_START = 5;
export const CLOSED = 7;
export const MODE = 8;
export const NAME_BYTES = 9;
export const NAME_AT = 64;
export const LONGEST_NAME = 1900;

/** Where the bell is, in a place as in a link's memory. */
export const BELL_AT = 2048;

const SLOTS_AT = 4096;
export const SLOT_BYTES = 512;
export const REGISTERED_LINKS = 1024;

export const OWNER = 0;
export const STATE = 1;
export const CLIENT_START = 2;
export const MEMORY = 4;
export const STATUS = 6;
export const TEXT_BYTES = 7;
export const TEXT_AT = 64;
export const LONGEST_TEXT = SLOT_BYTES - TEXT_AT;

export const FREE = 0;
export const ASKED = 1;
export const TAKEN = 2;
export const ACCEPTED = 3;
export const REFUSED = 4;

export function placeBytes(slots: number): number {
  return SLOTS_AT + slots * SLOT_BYTES + 4 * REGISTERED_LINKS;
}

/** Index of a slot's first word. */
export function slotAt(slot: number): number {
  return (SLOTS_AT + slot * SLOT_BYTES) / 4;
}

/** Index of the first word of the links. */
export function linksAt(slots: number): number {
  return slotAt(slots);
}

/** What is wrong with memory that should be a place for `name`, or undefined. */
export function placeProblem(buffer: ArrayBuffer, name: string): string | undefined {
  const words = new Int32Array(buffer, 0, 16);
  if (Atomics.load(words, 0) !== PLACE_MAGIC) return 'what is there was not made by Callgate';
  if (words[VERSION] !== PLACE_VERSION) {
    return `the server there speaks version ${words[VERSION]} of this meeting, this side version ${PLACE_VERSION}`;
  }
  const slots = words[SLOTS]!;
  if (!(slots > 0 && slots <= 65_536 && placeBytes(slots) === buffer.byteLength)) {
    return `its size, ${buffer.byteLength} bytes, does not fit what it says of itself`;
  }
  const length = words[NAME_BYTES]!;
  if (!(length >= 0 && length <= LONGEST_NAME)) return 'it has no name';
  const found = Buffer.from(buffer, NAME_AT, length).toString();
  if (found !== name)
    return `it belongs to another address, "${found}", whose name makes the same key; choose another name`;
  return undefined;
}
