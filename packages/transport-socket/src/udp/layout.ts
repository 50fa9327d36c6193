/**
 * What every datagram begins with, little-endian. A message has the first 16 bytes in front of it; the others are these
 * 32 bytes and no more, so that no answer is larger than its question.
 *
 * ```
 *      0        1        2        3
 *  +--------+--------+--------+--------+
 *  |  magic 0x4755   | version|  kind  |   0   'UG'
 *  +--------+--------+--------+--------+
 *  |  made at, or why refused, or 0    |   4   seconds since the server began to listen
 *  +--------+--------+--------+--------+
 *  |                                   |   8   drawn at random by the client for each link: its incarnation
 *  |              link id              |
 *  +--------+--------+--------+--------+
 *  |                                   |  16   by which a server knows that it has greeted this address
 *  |               token               |
 *  +--------+--------+--------+--------+
 *  |          largest message          |  24   bytes that the sender of this takes
 *  +--------+--------+--------+--------+
 *  |              idle ms              |  28   after which the server forgets a silent client
 *  +--------+--------+--------+--------+
 * ```
 *
 *     client                                server
 *       │ ── HELLO ──────────────────────────▶ │  keeps nothing: the token is computed from what the datagram says
 *       │ ◀───────────────── WELCOME (token) ──│
 *       │ ── OPEN (token) ───────────────────▶ │  the address is true, since the token reached it: a link is made
 *       │ ◀─────────────────────────── OPENED ─│
 *       │ ── MESSAGE … MESSAGE … BYE           │
 */
export const HEAD_BYTES = 16;
export const GREETING_BYTES = 32;
export const VERSION = 1;
const MAGIC = 0x4755;

export const Kind = {
  HELLO: 1,
  WELCOME: 2,
  OPEN: 3,
  OPENED: 4,
  MESSAGE: 5,
  /** The sender has closed its end in order. */
  BYE: 6,
  /** The sender knows no such link (any more): it was aborted, or this is another server than before. */
  RESET: 7,
  /** The server takes no such client. */
  REFUSED: 8,
} as const;

/** What REFUSED tells. */
export const Refusal = { VERSION: 1, TOO_MANY: 2 } as const;

/** Of another version: its kind means nothing here. */
export const OTHER_VERSION = 0;
/** Not a datagram of this protocol at all. */
export const GARBAGE = -1;

/** The kind of a datagram of `length` bytes at the start of `bytes`, OTHER_VERSION or GARBAGE. */
export function kindOf(bytes: Buffer, length: number): number {
  if (length < HEAD_BYTES || bytes.readUInt16LE(0) !== MAGIC) return GARBAGE;
  if (bytes[2] !== VERSION) return OTHER_VERSION;
  const kind = bytes[3]!;
  const greets = kind <= Kind.OPENED || kind === Kind.REFUSED;
  if (kind === 0 || kind > Kind.REFUSED || (greets && length !== GREETING_BYTES)) return GARBAGE;
  return kind;
}

export interface Greeting {
  readonly kind: number;
  readonly id: bigint;
  /** Seconds since the server began to listen, or why it refuses. */
  readonly word?: number;
  readonly token?: bigint;
  readonly maxMessageBytes?: number;
  readonly idleMs?: number;
}

export function writeHead(into: Buffer, kind: number, id: bigint): void {
  into.writeUInt16LE(MAGIC, 0);
  into[2] = VERSION;
  into[3] = kind;
  into.writeUInt32LE(0, 4);
  into.writeBigUInt64LE(id, 8);
}

export function writeGreeting({ kind, id, word = 0, token = 0n, maxMessageBytes = 0, idleMs = 0 }: Greeting): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  writeHead(bytes, kind, id);
  bytes.writeUInt32LE(word, 4);
  bytes.writeBigUInt64LE(token, 16);
  bytes.writeUInt32LE(maxMessageBytes, 24);
  bytes.writeUInt32LE(idleMs, 28);
  return bytes;
}

/** Reads a datagram that `kindOf` has found to be a greeting. */
export function readGreeting(bytes: Buffer): Required<Greeting> {
  return {
    kind: bytes[3]!,
    id: linkIdOf(bytes),
    word: bytes.readUInt32LE(4),
    token: bytes.readBigUInt64LE(16),
    maxMessageBytes: bytes.readUInt32LE(24),
    idleMs: bytes.readUInt32LE(28),
  };
}

export function linkIdOf(bytes: Buffer): bigint {
  return bytes.readBigUInt64LE(8);
}
