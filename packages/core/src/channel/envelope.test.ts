import { describe, expect, it } from 'vitest';
import type { Span } from '../transport/contract.js';
import {
  ENVELOPE_BYTES,
  emptyEnvelope,
  Flag,
  Kind,
  NO_DEADLINE,
  readEnvelope,
  sealEnvelope,
  timeLeft,
  writeEnvelope,
} from './envelope.js';

function message(payload: string, flags = 0): { span: Span; bytes: Buffer } {
  // Placed off the start, with other bytes around it, as in a link's memory.
  const bytes = Buffer.alloc(200, 0xee);
  const start = 24;
  const end = start + ENVELOPE_BYTES + payload.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes.write(payload, start + ENVELOPE_BYTES);
  writeEnvelope(view, start, Kind.REPLY, flags, 5, payload.length, 0x3ffffff0, 7, 250);
  if ((flags & Flag.CHECKSUM) !== 0) sealEnvelope(bytes, view, start, end);
  return { span: { bytes, view, start, end }, bytes };
}

describe('the envelope', () => {
  it('comes back as it was written', () => {
    const read = emptyEnvelope();
    expect(readEnvelope(message('hello').span, read)).toBeUndefined();
    expect(read).toEqual({
      version: 1,
      kind: Kind.REPLY,
      flags: 0,
      status: 5,
      payloadLength: 5,
      headersLength: 0,
      callId: 0x3ffffff0,
      methodId: 7,
      timeLeft: 250,
    });
  });

  it('tells every single flipped bit when it carries a checksum', () => {
    const { span, bytes } = message('payload', Flag.CHECKSUM);
    expect(readEnvelope(span, emptyEnvelope())).toBeUndefined();
    for (let at = span.start; at < span.end; at++) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[at] = bytes[at]! ^ (1 << bit);
        const flippedOff = at === span.start + 4 && bit === 0; // the flag that says there is a checksum
        if (!flippedOff)
          expect(readEnvelope(span, emptyEnvelope()), `byte ${at - span.start}, bit ${bit}`).toBeDefined();
        bytes[at] = bytes[at]! ^ (1 << bit);
      }
    }
  });

  it.each([
    ['short', (span: Span) => ({ ...span, end: span.start + ENVELOPE_BYTES - 1 })],
    ['magic', (span: Span) => span.bytes.writeUInt8(0, span.start)],
    ['version', (span: Span) => span.bytes.writeUInt8(9, span.start + 2)],
    ['length', (span: Span) => ({ ...span, end: span.end + 1 })],
    ['length', (span: Span) => span.bytes.writeUInt32LE(0xffffffff, span.start + 12)],
  ] as const)('has a word for a wrong %s', (problem, damage) => {
    const { span } = message('x');
    const damaged = damage(span);
    expect(readEnvelope(typeof damaged === 'number' ? span : damaged, emptyEnvelope())).toBe(problem);
  });

  it('carries the time left in whole milliseconds, rounded up, and no deadline past what 31 bits hold', () => {
    expect(timeLeft(100.2, 100)).toBe(1);
    expect(timeLeft(99, 100)).toBe(0);
    expect(timeLeft(Number.POSITIVE_INFINITY, 100)).toBe(NO_DEADLINE);
    expect(timeLeft(2 ** 33, 0)).toBe(NO_DEADLINE);
    expect(timeLeft(2 ** 31 - 5, 0)).toBe(2 ** 31 - 5);
  });
});
