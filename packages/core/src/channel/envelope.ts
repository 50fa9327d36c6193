import { crc32 } from 'node:zlib';
import type { Span } from '../transport/contract.js';

/**
 * The envelope: 32 bytes in front of every payload, little-endian.
 *
 * ```
 *      0        1        2        3
 *  +--------+--------+--------+--------+
 *  |  magic 0x4743   | version|  kind  |   0   'CG'
 *  +--------+--------+--------+--------+
 *  |      flags      | status |   0    |   4   status: a gRPC code, of replies and CANCEL
 *  +--------+--------+--------+--------+
 *  |         payload length            |   8   bytes after the envelope and the headers
 *  +--------+--------+--------+--------+
 *  |         headers length            |  12   bytes of metadata behind the envelope, 0 for none
 *  +--------+--------+--------+--------+
 *  |             call id               |  16   chosen by the caller, 0 for none
 *  +--------+--------+--------+--------+
 *  |            method id              |  20   from the callee's method table
 *  +--------+--------+--------+--------+
 *  |            time left              |  24   ms, rounded up; 0x7fffffff: no deadline (or one past 24 days)
 *  +--------+--------+--------+--------+
 *  |             checksum              |  28   CRC-32 of bytes 0-27 and all that follows the envelope, or 0
 *  +--------+--------+--------+--------+
 * ```
 */
export const ENVELOPE_BYTES = 32;
export const PROTOCOL_VERSION = 1;
const MAGIC = 0x4743;

export const Kind = {
  /** First message of each side: limits and method table. */
  HELLO: 1,
  REQUEST: 2,
  REPLY: 3,
  /** The caller no longer wants the reply (or the reservation) of this call; since its deadline passed, if the status says so. */
  CANCEL: 4,
  /** Would a handler take this method's call now? Reserves it for the request that follows. */
  PROBE: 5,
  /** Answer to a probe; the status says yes (OK) or no. */
  READY: 6,
  /** The callee has taken the request (only when asked by the CONFIRM flag). */
  TAKEN: 7,
  /** Last message before a side closes for a reason that it wants to tell. */
  GOODBYE: 8,
  /** A message of the caller's stream. */
  REQUEST_ITEM: 9,
  /** The caller's stream is complete. */
  REQUEST_END: 10,
  /** The caller has read: the callee may send so many replies (method id) of so many bytes (time left) more. */
  REPLY_CREDIT: 11,
  /** The callee's headers, ahead of its reply. */
  HEADERS: 12,
  /** A message of the callee's stream. REPLY ends it. */
  REPLY_ITEM: 13,
  /** The callee has read: the caller may send so many more messages (method id) and bytes (time left). */
  REQUEST_CREDIT: 14,
  /** The callee takes no more calls over this channel, and says why: whoever calls is to go elsewhere. Only to who `hears` it. */
  GO_AWAY: 15,
  /** Answers GO_AWAY: no call of the caller's follows over this channel. What belongs to calls that were made does. */
  GOING: 16,
} as const;

export const Flag = {
  CHECKSUM: 1,
  /** Send TAKEN when a handler has the request. */
  CONFIRM: 2,
  /** A probe has reserved a handler for this request. */
  RESERVED: 4,
  /** No reply is wanted. */
  ONEWAY: 8,
  /** Bytes fields of the message lie elsewhere, as a table behind it says: see loans.ts. */
  REFERENCES: 16,
  /** Of a reply that failed: no handler has had the call, so that it may be made again, whatever its method does. */
  REFUSED: 64,
} as const;

/** The `time left` of a call without a deadline. */
export const NO_DEADLINE = 0x7fff_ffff;

/** A decoded envelope. One object per channel, overwritten by each message. */
export interface Envelope {
  version: number;
  kind: number;
  flags: number;
  status: number;
  payloadLength: number;
  headersLength: number;
  callId: number;
  methodId: number;
  timeLeft: number;
}

export function emptyEnvelope(): Envelope {
  return {
    version: 0,
    kind: 0,
    flags: 0,
    status: 0,
    payloadLength: 0,
    headersLength: 0,
    callId: 0,
    methodId: 0,
    timeLeft: 0,
  };
}

/** Writes an envelope without headers (see `addHeaders`); the checksum, if any, is added by `sealEnvelope` once the payload stands. */
export function writeEnvelope(
  view: DataView,
  at: number,
  kind: number,
  flags: number,
  status: number,
  payloadLength: number,
  callId: number,
  methodId: number,
  timeLeft: number,
): void {
  view.setUint32(at, MAGIC | (PROTOCOL_VERSION << 16) | (kind << 24), true);
  view.setUint32(at + 4, flags | (status << 16), true);
  view.setUint32(at + 8, payloadLength, true);
  view.setUint32(at + 12, 0, true);
  view.setUint32(at + 16, callId, true);
  view.setUint32(at + 20, methodId, true);
  view.setUint32(at + 24, timeLeft, true);
  view.setUint32(at + 28, 0, true);
}

/** Makes an envelope that was just written say that so many bytes of metadata are behind it. */
export function addHeaders(view: DataView, at: number, headersLength: number): void {
  view.setUint32(at + 12, headersLength, true);
}

/** Adds the checksum to a complete message in `bytes[start, end)`. */
export function sealEnvelope(bytes: Buffer, view: DataView, start: number, end: number): void {
  view.setUint32(start + 28, checksum(bytes, start, end), true);
}

/** What is wrong with a message, or undefined when `into` was filled. */
export type EnvelopeProblem = 'short' | 'magic' | 'version' | 'length' | 'checksum';

/** Reads the envelope of a message. Every field is read once: the memory may be the peer's. */
export function readEnvelope(span: Span, into: Envelope): EnvelopeProblem | undefined {
  const { view, start } = span;
  const length = span.end - start;
  if (length < ENVELOPE_BYTES) return 'short';
  const first = view.getUint32(start, true);
  if ((first & 0xffff) !== MAGIC) return 'magic';
  into.version = (first >>> 16) & 0xff;
  if (into.version !== PROTOCOL_VERSION) return 'version';
  into.kind = first >>> 24;
  const second = view.getUint32(start + 4, true);
  into.flags = second & 0xffff;
  into.status = (second >>> 16) & 0xff;
  into.payloadLength = view.getUint32(start + 8, true);
  into.headersLength = view.getUint32(start + 12, true);
  if (into.payloadLength + into.headersLength !== length - ENVELOPE_BYTES) return 'length';
  into.callId = view.getUint32(start + 16, true);
  into.methodId = view.getUint32(start + 20, true);
  into.timeLeft = view.getUint32(start + 24, true);
  if ((into.flags & Flag.CHECKSUM) !== 0) {
    const found = view.getUint32(start + 28, true);
    if (found !== checksum(span.bytes, start, span.end)) return 'checksum';
  }
  return undefined;
}

/** The time left until a deadline as the envelope carries it. */
export function timeLeft(deadline: number, now: number): number {
  const left = Math.ceil(deadline - now);
  return left >= NO_DEADLINE ? NO_DEADLINE : Math.max(0, left);
}

/**
 * Takes so many ms off the time that a request has left, in its envelope: for who keeps requests before they are read. One
 * that is damaged stays as it is, for its reader to find.
 */
export function spendTime({ bytes, view, start, end }: Span, ms: number): void {
  if (end - start < ENVELOPE_BYTES) return;
  const left = view.getUint32(start + 24, true);
  const spent = Math.floor(ms);
  if (left === NO_DEADLINE || spent <= 0) return;
  const sealed = (view.getUint32(start + 4, true) & Flag.CHECKSUM) !== 0;
  if (sealed && view.getUint32(start + 28, true) !== checksum(bytes, start, end)) return;
  view.setUint32(start + 24, Math.max(0, left - spent), true);
  if (sealed) sealEnvelope(bytes, view, start, end);
}

function checksum(bytes: Buffer, start: number, end: number): number {
  return crc32(bytes.subarray(start + ENVELOPE_BYTES, end), crc32(bytes.subarray(start, start + 28)));
}
