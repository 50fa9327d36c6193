/**
 * What travels in a queue: parts of messages. Little-endian.
 *
 * ```
 *   -8  i64   the kernel's type: which receiver, or which urgency
 *    0  u16   magic 0x514d  'MQ'
 *    2  u8    version
 *    3  u8    kind
 *    4  u32   msqid of the queue in which the sender is reached: his box
 *    8  u32   type by which answers find him there, below 2^21
 *   12  u32   number of the message among its sender's
 *   16  u16   number of this part
 *   18  u16   number of parts
 *   20  u32   bytes of the whole message
 *   24  u32   conversation that it belongs to, 0 for none: nobody waits for an answer
 *   28  u32   1: the sender has opened the link to send only, else 0
 *   32  f64   when nobody wants it any more, in ms of CLOCK_MONOTONIC; Infinity for never
 *   40        this part of the message
 * ```
 *
 * In the mailbox, a message that has several parts shows its first one only; whoever takes that takes the others by a
 * type that no other message has. In a box, whose owner is its only receiver, parts follow one another.
 */
export const TYPE_BYTES = 8;
export const HEAD_BYTES = 40;
const MAGIC = 0x514d;
const VERSION = 1;

export const Kind = {
  /** A message, or the first part of one. */
  DATA: 1,
  /** A part that is not the first. */
  REST: 2,
  /** A client looks for a server. The text is a Member, as JSON. */
  OPEN: 3,
  /** A server's answer to OPEN. The text is a Member. */
  WELCOME: 4,
  /** Another answer to OPEN, or why a link was aborted. The text is a Failure, as JSON; none for no reason. */
  ABORT: 5,
  /** The sender has closed the link; nothing follows. */
  BYE: 6,
  /** A server takes no more from the mailbox; who is linked to it reaches it in its box. */
  DETACHED: 7,
  /** A message about a conversation that ends it, whoever may have it: dropped by those who don't. */
  REVOKE: 8,
  /** Which conversations do you have? Answered by HOLDING. */
  WHICH: 9,
  /** The numbers of the conversations that a server has taken from this client and not ended, 4 bytes each. */
  HOLDING: 10,
  /** All that its sender had put into the mailbox before it has been taken when it is. Answered by PASSED. */
  MARKER: 11,
  PASSED: 12,
  /** As MARKER, but answered when whoever takes it has released what it has of its sender. */
  TAKEN: 13,
} as const;

/** Types in the mailbox: receivers take the lowest. */
export const URGENT = 1;
export const NORMAL = 2;
export const LAST = 3;
/** Type of what is in a box, unless its owner said another one. */
export const BOXED = 1;

export interface Head {
  kind: number;
  from: number;
  answerType: number;
  serial: number;
  part: number;
  parts: number;
  bytes: number;
  about: number;
  sendsOnly: boolean;
  expires: number;
}

export function emptyHead(): Head {
  return {
    kind: 0,
    from: 0,
    answerType: 0,
    serial: 0,
    part: 0,
    parts: 0,
    bytes: 0,
    about: 0,
    sendsOnly: false,
    expires: 0,
  };
}

/** The type of all parts but the first of a message in the mailbox: nobody else's. */
export function restType(from: number, serial: number): number {
  return 2 ** 51 + from * 2 ** 20 + (serial & 0xfffff);
}

export function writeHead(view: DataView, at: number, head: Head): void {
  view.setUint32(at, MAGIC | (VERSION << 16) | (head.kind << 24), true);
  view.setUint32(at + 4, head.from, true);
  view.setUint32(at + 8, head.answerType, true);
  view.setUint32(at + 12, head.serial, true);
  view.setUint32(at + 16, head.part | (head.parts << 16), true);
  view.setUint32(at + 20, head.bytes, true);
  view.setUint32(at + 24, head.about, true);
  view.setUint32(at + 28, head.sendsOnly ? 1 : 0, true);
  view.setFloat64(at + 32, head.expires, true);
}

/** Reads what somebody has put into the queue. False when it is no part of a message. `length`: from `at` on. */
export function readHead(view: DataView, at: number, length: number, into: Head): boolean {
  if (length < HEAD_BYTES) return false;
  const first = view.getUint32(at, true);
  if ((first & 0xff_ffff) !== (MAGIC | (VERSION << 16))) return false;
  into.kind = first >>> 24;
  into.from = view.getUint32(at + 4, true);
  into.answerType = view.getUint32(at + 8, true);
  into.serial = view.getUint32(at + 12, true);
  const parts = view.getUint32(at + 16, true);
  into.part = parts & 0xffff;
  into.parts = parts >>> 16;
  into.bytes = view.getUint32(at + 20, true);
  into.about = view.getUint32(at + 24, true);
  into.sendsOnly = view.getUint32(at + 28, true) === 1;
  into.expires = view.getFloat64(at + 32, true);
  if (into.answerType >= 2 ** 21) return false;
  return into.kind >= Kind.DATA && into.kind <= Kind.TAKEN && into.part < into.parts;
}

/** An endpoint's word for a caller: his box, and the type that finds him there. */
export function idOf(head: Head): number {
  return head.from + head.answerType * 2 ** 32;
}

/** `performance.now()` counts from a start of its own in each thread; CLOCK_MONOTONIC is the same for all. */
const monotonicOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export function toMonotonic(deadline: number): number {
  return deadline + monotonicOffsetMs;
}

export function expired(head: Head): boolean {
  return head.expires < performance.now() + monotonicOffsetMs;
}
