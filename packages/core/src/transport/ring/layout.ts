/**
 * The byte layout of a segment: two single-producer single-consumer rings, one each way, in one stretch of memory that
 * both ends see. All words are little-endian 32-bit integers.
 *
 * ```
 *          0  +--------------------------------------------------+
 *             | magic | version | ring bytes | 0                 |   written once by the maker
 *             | words 4-14: the in-process transport's           |
 *             | words 16, 17: processors of both ends, plus 1    |   where each last polled in vain; 0: unknown
 *        128  +--------------------------------------------------+
 *             | control block of ring 0 (connector -> acceptor)  |
 *        640  +--------------------------------------------------+
 *             | control block of ring 1 (acceptor -> connector)  |
 *       1152  +--------------------------------------------------+
 *             | a word for each block of the connector, then of  |   who has it: see blocks.ts
 *             | the acceptor: 64 each                            |
 *       1664  +--------------------------------------------------+
 *       4096  +--------------------------------------------------+
 *             | data of ring 0                                   |
 *   4096 + r  +--------------------------------------------------+
 *             | data of ring 1                                   |
 *  4096 + 2r  +--------------------------------------------------+
 *
 * control block: each word alone on two cache lines (the hardware fetches lines in pairs)
 *    +0    tail             bytes published, modulo 2^32                     written by the producer
 *    +128  head             bytes taken, modulo 2^32                         written by the consumer
 *    +256  consumer sleeps  1: ring my doorbell when you publish             set by the consumer, taken by the producer
 *    +384  producer sleeps  1: ring my doorbell when you free room           set by the producer, taken by the consumer
 *
 * record: starts and ends on a multiple of 8
 *    +0    length  of the message in bytes, or -1: go on at the ring's start, or -2: the end, nothing follows;
 *                  bit 30 is set when handles travel beside the ring with this message
 *    +4    handles how many, where that bit is set; undefined elsewhere: low half the message's own, high half those of blocks
 *    +8    the message, padded to a multiple of 8
 * ```
 *
 * The consumer polls the tail and nothing else. Were it to poll the place of the next record, it would pull that cache
 * line away again and again from the producer who is writing the message into it.
 *
 * Ideas from: M. Thompson et al., Agrona's OneToOneRingBuffer (tryClaim/commit, records padded at the wrap).
 */
export const SEGMENT_MAGIC = 0x47524743; // 'CGRG'
export const SEGMENT_VERSION = 1;

export const RECORD_HEADER_BYTES = 8;
/** In place of a record's length. */
export const WRAP = -1;
export const END = -2;
/** In a record's length, which is always smaller: handles travel with the message. */
export const WITH_HANDLES = 2 ** 30;

/** Index of the connector's processor in a segment's words; the acceptor's follows. A hint only, never trusted. */
export const CPU = 16;

/** Word indices within a control block. */
export const TAIL = 0;
export const HEAD = 128 / 4;
export const CONSUMER_SLEEPS = 256 / 4;
export const PRODUCER_SLEEPS = 384 / 4;

/** Blocks of memory that each side can have, and the index of their first word. */
export const BLOCKS = 64;
export const BLOCK_STATES = 1152 / 4;

const CONTROL_START = 128;
const CONTROL_BYTES = 512;
const DATA_START = 4096;

/** Smallest and largest ring, in bytes. A ring is a power of two, so that counters may wrap around. */
export const MIN_RING_BYTES = 4096;
export const MAX_RING_BYTES = 2 ** 30;

/** Bytes of a segment with rings of `ringBytes` each. */
export function segmentBytes(ringBytes: number): number {
  return DATA_START + 2 * ringBytes;
}

/** The largest message that a ring of this size can hold. */
export function largestMessage(ringBytes: number): number {
  return ringBytes - RECORD_HEADER_BYTES;
}

/** Bytes that a message of `length` bytes takes in a ring, its header and padding included. */
export function recordBytes(length: number): number {
  return (length + RECORD_HEADER_BYTES + 7) & ~7;
}

/** One end's view of a segment's memory. Made once per link, never per message. */
export interface Segment {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly view: DataView;
  readonly ringBytes: number;
}

/** One ring of a segment. */
export interface RingPlace {
  readonly segment: Segment;
  /** Index of the control block's first word in `segment.words`. */
  readonly control: number;
  /** Offset of the first data byte in `segment.bytes`. */
  readonly data: number;
}

export function segmentOver(memory: ArrayBufferLike, ringBytes: number): Segment {
  return {
    bytes: Buffer.from(memory as ArrayBuffer),
    words: new Int32Array(memory),
    view: new DataView(memory),
    ringBytes,
  };
}

/** Writes the constants of a fresh, zeroed segment. */
export function initialiseSegment(segment: Segment): void {
  segment.words[0] = SEGMENT_MAGIC;
  segment.words[1] = SEGMENT_VERSION;
  segment.words[2] = segment.ringBytes;
}

/** What is wrong with a segment that somebody else made, or undefined. */
export function segmentProblem(segment: Segment): string | undefined {
  if (segment.words[0] !== SEGMENT_MAGIC)
    return 'the memory does not start with the magic number of a Callgate segment';
  if (segment.words[1] !== SEGMENT_VERSION) {
    return `the segment has layout version ${segment.words[1]}, this side speaks ${SEGMENT_VERSION}`;
  }
  if (segment.words[2] !== segment.ringBytes) {
    return `the segment says its rings have ${segment.words[2]} bytes, ${segment.ringBytes} were announced`;
  }
  return undefined;
}

/** Ring 0 carries messages from the end that connected to the end that accepted, ring 1 the other way. */
export function ringPlace(segment: Segment, ring: 0 | 1): RingPlace {
  return {
    segment,
    control: (CONTROL_START + ring * CONTROL_BYTES) / 4,
    data: DATA_START + ring * segment.ringBytes,
  };
}
