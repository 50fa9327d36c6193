import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  END,
  HEAD,
  initialiseSegment,
  largestMessage,
  ringPlace,
  type Segment,
  segmentBytes,
  segmentOver,
  segmentProblem,
  TAIL,
  WRAP,
} from './layout.js';
import { RingReader } from './ring-reader.js';
import { RingWriter } from './ring-writer.js';
import { RingCorrupt, RingOversize } from './ways.js';

const RING = 4096;

function ring(maxMessageBytes = largestMessage(RING)): {
  segment: Segment;
  writer: RingWriter;
  reader: RingReader;
  control: number;
  data: number;
} {
  const segment = segmentOver(new ArrayBuffer(segmentBytes(RING)), RING);
  initialiseSegment(segment);
  const place = ringPlace(segment, 0);
  const writer = new RingWriter(place);
  const reader = new RingReader(place, maxMessageBytes);
  return { segment, writer, reader, control: place.control, data: place.data >> 2 };
}

/** Fills a message with bytes that tell its number. */
function send(writer: RingWriter, number: number, length: number): boolean {
  const span = writer.claim(length);
  if (span === null) return false;
  expect(span.end - span.start).toBe(length);
  span.bytes.fill(number & 0xff, span.start, span.end);
  writer.commit(length);
  return true;
}

function receive(reader: RingReader): { length: number; byte: number | undefined } | null {
  const span = reader.receive();
  if (span === null) return null;
  const content = span.bytes.subarray(span.start, span.end);
  expect(content.every((byte) => byte === content[0])).toBe(true);
  const got = { length: content.length, byte: content[0] };
  reader.release();
  return got;
}

describe('a ring', () => {
  it('keeps messages of all sizes whole and in order through any interleaving of sends and receives', () => {
    const step = fc.oneof(
      fc.record({ send: fc.integer({ min: 0, max: largestMessage(RING) }) }),
      fc.record({ send: fc.integer({ min: 0, max: 64 }) }),
      fc.record({ receive: fc.integer({ min: 1, max: 10 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { writer, reader } = ring();
        const expected: { length: number; byte: number | undefined }[] = [];
        let number = 0;
        for (const action of steps) {
          if ('send' in action) {
            number++;
            if (send(writer, number, action.send)) {
              expected.push({ length: action.send, byte: action.send === 0 ? undefined : number & 0xff });
            }
          } else {
            for (let i = 0; i < action.receive; i++) expect(receive(reader)).toEqual(expected.shift() ?? null);
          }
        }
        for (let got = receive(reader); got !== null; got = receive(reader)) expect(got).toEqual(expected.shift());
        expect(expected).toEqual([]);
        // Whatever happened before: a drained ring takes the largest message, at the second try at the latest.
        if (!send(writer, 1, largestMessage(RING))) {
          expect(reader.ready).toBe(false);
          expect(send(writer, 1, largestMessage(RING))).toBe(true);
        }
        expect(receive(reader)).toEqual({ length: largestMessage(RING), byte: 1 });
      }),
      { numRuns: 300 },
    );
  });

  it('goes on when its counters pass 2^31 and 2^32', () => {
    const { segment, control } = ring();
    // Both ends begin at 0; a ring that has run for long is simulated by moving 2^32 bytes through it in large steps.
    const place = ringPlace(segment, 0);
    const writer = new RingWriter(place);
    const reader = new RingReader(place, largestMessage(RING));
    const steps = 2 ** 32 / 4096 + 10;
    for (let i = 0; i < steps; i++) {
      if (writer.claim(4088) === null) throw new Error(`full at step ${i}`);
      writer.commit(4088);
      const span = reader.receive();
      if (span === null || span.end - span.start !== 4088) throw new Error(`nothing at step ${i}`);
      reader.release();
    }
    expect(Atomics.load(segment.words, control + TAIL)).toBe(10 * 4096);
  });

  it('tells the end behind the last message, and sees it from afar', () => {
    const { writer, reader } = ring();
    send(writer, 1, 10);
    expect(reader.seesEnd()).toBe(false);
    writer.tryEnd();
    expect(reader.seesEnd()).toBe(true);
    expect(reader.ended).toBe(false);
    expect(receive(reader)).toEqual({ length: 10, byte: 1 });
    expect(receive(reader)).toBeNull();
    expect(reader.ended).toBe(true);
  });

  it('asks to wake a consumer that sleeps, once', () => {
    const { writer, reader } = ring();
    reader.announceSleep();
    writer.claim(1);
    expect(writer.commit(1)).toBe(true);
    writer.claim(1);
    expect(writer.commit(1)).toBe(false);
  });

  it('asks to wake a producer that sleeps for room', () => {
    const { writer, reader } = ring();
    while (send(writer, 1, 100));
    writer.announceSleep();
    expect(writer.claim(100)).toBeNull();
    receive(reader);
    expect(reader.wakeOwed).toBe(true);
    expect(writer.claim(100)).not.toBeNull();
  });
});

describe('a ring whose producer lies', () => {
  it.each([
    ['a length past the ring', 5000, 104, 'claims 5000 bytes, more than can be there'],
    ['a length past what is published', 200, 104, 'claims 200 bytes, more than can be there'],
    ['a length that makes no sense', -7, 104, 'has the length -7'],
    ['a skip at the start', WRAP, 104, 'has the length -1'],
  ])('by %s is found out', (_what, length, tail, words) => {
    const { segment, reader, control, data } = ring();
    segment.words[data] = length;
    Atomics.store(segment.words, control + TAIL, tail);
    expect(reader.ready).toBe(true);
    expect(() => reader.receive()).toThrow(RingCorrupt);
    expect(() => reader.receive()).toThrow(words);
  });

  it.each([4097, 1 << 20, -8, 0x7fffffff, -(2 ** 31)])('by a tail of %i is found out', (tail) => {
    const { segment, reader, control, data } = ring();
    segment.words[data] = 8;
    Atomics.store(segment.words, control + TAIL, tail);
    expect(() => reader.receive()).toThrow('bytes ahead in a ring of 4096');
  });

  it('by a skip that is not whole is found out', () => {
    const { segment, writer, reader, control, data } = ring();
    send(writer, 1, 100);
    receive(reader);
    segment.words[data + 112 / 4] = WRAP;
    Atomics.store(segment.words, control + TAIL, 112 + 8);
    expect(reader.ready).toBe(true);
    expect(() => reader.receive()).toThrow(RingCorrupt);
  });

  it('never makes the consumer read outside the ring, whatever the words say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: RING / 4, maxLength: RING / 4 }), fc.integer(), (words, tail) => {
        const { segment, reader, control, data } = ring();
        segment.words.set(words, data);
        segment.words[data] = Math.abs(words[0] ?? 0) % 200;
        Atomics.store(segment.words, control + TAIL, tail);
        try {
          for (let i = 0; i < 1000 && reader.ready; i++) {
            const span = reader.receive();
            if (span === null) break;
            expect(span.start).toBeGreaterThanOrEqual(data * 4);
            expect(span.end).toBeLessThanOrEqual(data * 4 + RING);
            reader.release();
          }
          reader.seesEnd();
        } catch (error) {
          expect(error).toBeInstanceOf(RingCorrupt);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is told apart from one that only sends too much', () => {
    const { writer, reader } = ring(64);
    send(writer, 1, 65);
    expect(() => reader.receive()).toThrow(RingOversize);
  });
});

describe('a ring whose consumer lies about its head', () => {
  it.each([1, 4096, 2 ** 31 - 1, 1_000_000])('by %i never has unread messages overwritten', (lie) => {
    const { segment, writer, control } = ring();
    while (send(writer, 1, 100));
    const before = Buffer.from(segment.bytes);
    Atomics.store(segment.words, control + HEAD, (Atomics.load(segment.words, control + TAIL) + lie) | 0);
    expect(writer.claim(100)).toBeNull();
    expect(segment.bytes.subarray(4096).equals(before.subarray(4096))).toBe(true);
  });
});

describe('a segment', () => {
  it('of somebody else is checked before it is used', () => {
    const { segment } = ring();
    expect(segmentProblem(segment)).toBeUndefined();
    segment.words[2] = 8192;
    expect(segmentProblem(segment)).toBe('the segment says its rings have 8192 bytes, 4096 were announced');
    segment.words[1] = 9;
    expect(segmentProblem(segment)).toContain('layout version 9');
    segment.words[0] = END;
    expect(segmentProblem(segment)).toContain('magic number');
  });
});
