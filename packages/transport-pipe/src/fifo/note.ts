/**
 * A one-way message in a fifo that many write to. Each is written by one write(2) of at most PIPE_BUF bytes, which no
 * other writer's can get into (pipe(7)). All integers little-endian.
 *
 *   0        1        2        3        4                 8                 12            12 + length
 *   +--------+--------+--------+--------+------- … -------+------- … -------+------ … ------+
 *   |  0xCA  |  'G'   |  'M'   |version |  length, u32    |  CRC-32, u32    |    message    |   length <= 4084
 *   +--------+--------+--------+--------+------- … -------+------- … -------+------ … ------+
 *
 * The CRC-32 (of zlib) is of the length and the message. Nothing ends the stream: writers come and go.
 */
import { crc32 } from 'node:zlib';
import { KNOCK_BYTES, knockAt, PART } from './knock.js';

const MAGIC = Buffer.from([0xca, 0x47, 0x4d, 1]);
const LENGTH_AT = 4;
const CRC_AT = 8;
export const NOTE_HEADER_BYTES = 12;
/** PIPE_BUF of Linux: bytes that write(2) puts into a pipe in one piece or not at all. Source: pipe(7). */
export const PIPE_BUF = 4096;
/** Bytes of the largest message. */
export const LARGEST_NOTE = PIPE_BUF - NOTE_HEADER_BYTES;

/** Writes the note of the message `bytes[start, end)` at `at`; returns where it ends. */
export function writeNote(into: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  MAGIC.copy(into, at);
  into.writeUInt32LE(length, at + LENGTH_AT);
  bytes.copy(into, at + NOTE_HEADER_BYTES, start, end);
  into.writeUInt32LE(checksum(into, at, length), at + CRC_AT);
  return at + NOTE_HEADER_BYTES + length;
}

/** Whether these bytes, of which there may be few, are the beginning of a one-way message. */
export function beginsNote(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && bytes.subarray(0, MAGIC.length).equals(MAGIC);
}

function checksum(bytes: Buffer, at: number, length: number): number {
  const body = at + NOTE_HEADER_BYTES;
  return crc32(bytes.subarray(body, body + length), crc32(bytes.subarray(at + LENGTH_AT, at + CRC_AT)));
}

/** What else is found in such a fifo. */
export interface NoteHooks {
  /** Of a stretch that is no message, the first bytes; once per stretch. */
  onStrange(beginning: Buffer): void;
  /** A message was skipped that is larger than `limit`. */
  onTooLarge(length: number): void;
  /** Somebody wants a link both ways. */
  onKnock(token: string): void;
}

/**
 * Finds the messages in what is read from the fifo, into which anybody who has the right may write anything: what is no
 * message is skipped, byte by byte, until one begins again.
 */
export class NoteReader {
  /** Bytes read are in `[head, tail)`. */
  readonly bytes = Buffer.allocUnsafeSlow(65_536);
  readonly #limit: number;
  readonly #hooks: NoteHooks;
  #head = 0;
  #tail = 0;
  #strange: number[] = [];
  /** In a stretch that has been told. */
  #told = false;

  constructor(limit: number, hooks: NoteHooks) {
    this.#limit = limit;
    this.#hooks = hooks;
  }

  /** Where the next bytes go, of which there is at least one. Call it only when `next` has found nothing. */
  room(): number {
    this.bytes.copyWithin(0, this.#head, this.#tail);
    this.#tail -= this.#head;
    this.#head = 0;
    return this.#tail;
  }

  /** `count` bytes have been read into the room. */
  take(count: number): void {
    this.#tail += count;
  }

  /** Where the next message's length (4 bytes) and, behind it, the message are; -1 when none is whole. */
  next(): number {
    while (this.#tail > this.#head) {
      const start = this.#head;
      const have = this.#tail - start;
      const knock = knockAt(this.bytes, start, have);
      const length = knock === undefined ? this.#lengthAt(start, have) : 0;
      if (knock === PART || length === PART) return -1;
      if (knock === undefined && length === undefined) {
        this.#skip();
        continue;
      }
      this.rest();
      this.#told = false;
      if (knock !== undefined) {
        this.#head += KNOCK_BYTES;
        this.#hooks.onKnock(knock);
      } else if (length !== undefined) {
        this.#head += NOTE_HEADER_BYTES + length;
        if (length <= this.#limit) {
          // The checksum has done its duty: the length takes its place, right before the message.
          this.bytes.writeUInt32LE(length, start + CRC_AT);
          return start + CRC_AT;
        }
        this.#hooks.onTooLarge(length);
      }
    }
    return -1;
  }

  /** To be called when nothing more is there now: whatever strange has come is told. */
  rest(): void {
    if (this.#strange.length === 0) return;
    this.#hooks.onStrange(Buffer.from(this.#strange));
    this.#strange = [];
    this.#told = true;
  }

  /** The length of the message at `start`, PART as long as it may still become one, undefined when it is none. */
  #lengthAt(start: number, have: number): number | typeof PART | undefined {
    for (let i = 0; i < Math.min(have, MAGIC.length); i++) if (this.bytes[start + i] !== MAGIC[i]) return undefined;
    if (have < NOTE_HEADER_BYTES) return PART;
    const length = this.bytes.readUInt32LE(start + LENGTH_AT);
    if (length > LARGEST_NOTE) return undefined;
    if (have < NOTE_HEADER_BYTES + length) return PART;
    return checksum(this.bytes, start, length) === this.bytes.readUInt32LE(start + CRC_AT) ? length : undefined;
  }

  #skip(): void {
    if (this.#strange.length < 8 && !this.#told) this.#strange.push(this.bytes[this.#head]!);
    this.#head += 1;
  }
}
