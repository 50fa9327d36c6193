import type { Span } from '../../transport/contract.js';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, sealEnvelope, timeLeft } from '../envelope.js';
import { HEAD_BYTES } from './head.js';
import type { RoundTrip } from './round-trip.js';

/** Bytes of memory that are kept for the next call. */
const KEPT_BYTES = 2048;
const NEVER = Number.POSITIVE_INFINITY;

/** Something asked that may have to be asked again: the whole message, and when. Objects and memory are used again. */
export class OpenCall {
  number = 0;
  callId = 0;
  kind = 0;
  flags = 0;
  bytes = Buffer.allocUnsafe(256);
  view = viewOf(this.bytes);
  /** Bytes of the message, its head included. */
  length = 0;
  /** When it is to be sent again. */
  dueMs = 0;
  /** Between the last time and the next. */
  waitMs = 0;
  tries = 0;
  /** When it was sent first. */
  sentMs = 0;
  /** Learns how long the callee's first word takes; undefined once that has come, and where it would teach nothing. */
  trip: RoundTrip | undefined;
  /** When nobody wants it any more; only of what counts its time from here. */
  deadlineMs = NEVER;
  /** The callee is known to have it. */
  acked = false;
  /** The word that a handler has it has come. */
  taken = false;
  /** Its caller has given up; the word of that is about to follow. */
  forgotten = false;

  /** Copies a message of `length` bytes that begins, with its envelope, at `span.start`; its head is in front of that. */
  keep(span: Span, length: number, number: number, nowMs: number): void {
    const { view, start } = span;
    const whole = HEAD_BYTES + length;
    if (this.bytes.length < whole) {
      this.bytes = Buffer.allocUnsafe(Math.max(whole, 2 * this.bytes.length));
      this.view = viewOf(this.bytes);
    }
    span.bytes.copy(this.bytes, 0, start - HEAD_BYTES, start + length);
    this.length = whole;
    this.number = number;
    this.callId = view.getUint32(start + 16, true);
    this.kind = view.getUint32(start, true) >>> 24;
    this.flags = view.getUint16(start + 4, true);
    this.tries = 0;
    this.sentMs = nowMs;
    this.trip = undefined;
    this.acked = false;
    this.taken = false;
    this.forgotten = false;
    const left = view.getUint32(start + 24, true);
    // Of a call with a policy for each phase, what stands there is the reply's time, which has not begun.
    const counts =
      this.kind === Kind.REQUEST && left !== NO_DEADLINE && ((this.flags & Flag.CONFIRM) === 0 || this.oneway);
    this.deadlineMs = counts ? nowMs + left : NEVER;
  }

  /** Of the method that is called. */
  get methodId(): number {
    return this.view.getUint32(HEAD_BYTES + 20, true);
  }

  get oneway(): boolean {
    return (this.flags & Flag.ONEWAY) !== 0;
  }

  /** Nobody waits for any word of it. */
  get silent(): boolean {
    return this.kind === Kind.REQUEST && (this.flags & (Flag.ONEWAY | Flag.CONFIRM)) === Flag.ONEWAY;
  }

  /** Brings what has changed since it was sent up to date: the time left, and what is done with. */
  renew(oldest: number, nowMs: number): void {
    const { view } = this;
    view.setUint32(8, oldest, true);
    if (this.deadlineMs === NEVER) return;
    view.setUint32(HEAD_BYTES + 24, timeLeft(this.deadlineMs, nowMs), true);
    if ((this.flags & Flag.CHECKSUM) !== 0) sealEnvelope(this.bytes, view, HEAD_BYTES, this.length);
  }

  /** Lets go of memory that is more than calls usually need. */
  shrink(): void {
    if (this.bytes.length <= KEPT_BYTES) return;
    this.bytes = Buffer.allocUnsafe(HEAD_BYTES + ENVELOPE_BYTES);
    this.view = viewOf(this.bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
