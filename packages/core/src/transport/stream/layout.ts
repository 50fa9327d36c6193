/**
 * Messages on a byte stream. The same in both directions; all integers little-endian.
 *
 *   stream    = magic limit frame* bye? | magic bye
 *
 *   magic       0        1        2        3        4
 *               +--------+--------+--------+--------+
 *               |  0xCA  |  'G'   |  'S'   |version |   0xCA begins no text, so a stranger is told from its first byte
 *               +--------+--------+--------+--------+
 *
 *   limit       0                                   4
 *               +--------+--------+--------+--------+
 *               |           bytes, u32          |H|   the largest message that this side sends or accepts; the
 *               +--------+--------+--------+--------+   smaller of both sides' limits counts. H, bit 31: takes handles
 *
 *   frame       0                                   4                     4 + length
 *               +--------+--------+--------+--------+---------- … ---------+
 *               |          length, u32          |H|       message        |   length <= 1 GiB
 *               +--------+--------+--------+--------+---------- … ---------+   H, bit 31: handles come with this message
 *
 *   bye         0                                   4        5        6                 8
 *               +--------+--------+--------+--------+--------+--------+--------+--------+-- … --+-- … --+
 *               |           0xFFFFFFFF              | status | reason |   text, u16     | reason|  text |
 *               +--------+--------+--------+--------+--------+--------+--------+--------+-- … --+-- … --+
 *               status: 0 for an orderly end, else a status code; reason, text: lengths in bytes, UTF-8
 *
 * Both sides send magic and limit at once. A side that refuses the other sends magic and a bye instead. Nothing follows
 * a bye. A stream that ends without one was cut off: its writer died, or gave up.
 *
 * Handles travel beside the bytes, where the mechanism has a way for that and both sides say that they take them: 1 to 64
 * of them together with the first byte of their message's frame, in a write that begins there. Others belong to nobody.
 */
import { RpcError } from '../../errors/index.js';

export const MAGIC = Buffer.from([0xca, 0x47, 0x53, 1]);
/** Where in the magic the version is; the bytes before it never change. */
export const VERSION_AT = 3;
/** Bytes of magic and limit. */
export const GREETING_BYTES = 8;

export const HEADER_BYTES = 4;
/** Bytes of the largest message that can be framed. */
export const LARGEST_MESSAGE = 2 ** 30;

/** Bit 31, H above. */
export const WITH_HANDLES = 0x8000_0000;
/** Handles that can travel with one message. */
export const MOST_HANDLES = 64;

/** Stands in place of a length. */
export const BYE = 0xffff_ffff;
export const BYE_BYTES = 8;
const MAX_REASON_BYTES = 64;
const MAX_TEXT_BYTES = 1000;
/** Bytes of the longest bye. */
export const MAX_BYE_BYTES = BYE_BYTES + MAX_REASON_BYTES + MAX_TEXT_BYTES;

/** The bye that says why, or, without an error, that all is well. Long texts are cut. */
export function encodeBye(error?: RpcError): Buffer {
  const reason = Buffer.from(error?.reason ?? '').subarray(0, MAX_REASON_BYTES);
  const text = Buffer.from(error?.message ?? '').subarray(0, MAX_TEXT_BYTES);
  const head = Buffer.alloc(BYE_BYTES);
  head.writeUInt32LE(BYE, 0);
  head.writeUInt8(error?.status ?? 0, 4);
  head.writeUInt8(reason.length, 5);
  head.writeUInt16LE(text.length, 6);
  return Buffer.concat([head, reason, text]);
}

export function encodeGreeting(limit: number, handles = false): Buffer {
  const greeting = Buffer.alloc(GREETING_BYTES);
  MAGIC.copy(greeting);
  greeting.writeUInt32LE(handles ? limit + WITH_HANDLES : limit, MAGIC.length);
  return greeting;
}

/** Everything that a side says which wants no link. */
export function encodeRefusal(error?: RpcError): Buffer {
  return Buffer.concat([MAGIC, encodeBye(error)]);
}

/** Bytes of the bye whose first BYE_BYTES are at `start`; -1 when its lengths are not permitted. */
export function byeBytes(bytes: Buffer, start: number): number {
  const reason = bytes.readUInt8(start + 5);
  const text = bytes.readUInt16LE(start + 6);
  return reason > MAX_REASON_BYTES || text > MAX_TEXT_BYTES ? -1 : BYE_BYTES + reason + text;
}

/** What the bye at `start`, all of which is there, says: undefined for an orderly end. */
export function decodeBye(bytes: Buffer, start: number): RpcError | undefined {
  const status = bytes.readUInt8(start + 4);
  if (status === 0) return undefined;
  const reasonAt = start + BYE_BYTES;
  const textAt = reasonAt + bytes.readUInt8(start + 5);
  const reason = bytes.toString('utf8', reasonAt, textAt);
  const text = bytes.toString('utf8', textAt, textAt + bytes.readUInt16LE(start + 6));
  return RpcError.fromStatus(status, text, { reason, failed: 'channel' });
}
