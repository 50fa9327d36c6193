import { randomFillSync } from 'node:crypto';
import {
  LEAST_REFERRED_BYTES,
  type MessageInit,
  type MessageType,
  REFERENCE_BYTES,
  type Referrer,
  type Resolver,
  references,
} from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Blocks, Link, Span } from '../transport/contract.js';

/**
 * What a message with Flag.REFERENCES has at the end of its payload, behind the encoded message, little-endian:
 *
 * ```
 *   for each reference
 *     0   u32  number of the block; bit 31: its memory travels with this message
 *     4   u32  first byte in the block
 *     8   u32  bytes
 *     12  u32  bytes of the whole block
 *   at the very end
 *     0   8 random bytes, the message's own
 *     8   u32  number of references
 *     12  u32  0
 * ```
 *
 * The bytes field that refers has 16 bytes in its place: the random ones, u32 the reference's index, u32 0. Without the
 * random ones, who chooses what is in a field of 16 bytes could make it refer.
 */
const ENTRY_BYTES = 16;
const TRAILER_BYTES = 16;
const NONCE_BYTES = 8;
const FRESH = 2 ** 31;

/** Whose memory it is, for releasing it. */
const owners = new WeakMap<ArrayBufferLike, Blocks>();

/**
 * Gives memory back that came as a loan (see `trusted`), or that was allocated and is not to be sent after all. Its content must not be
 * used from now on: the peer will write something else there. True when it was such memory; anything else is left alone.
 * Loans that are merely forgotten are given back when they are collected, which may take long.
 */
export function releaseLoan(bytes: Uint8Array): boolean {
  const owner = owners.get(bytes.buffer);
  if (owner === undefined) return false;
  if (owner.stateOf(bytes.buffer) === undefined) owner.giveBack(bytes.buffer);
  else owner.discard(bytes.buffer);
  return true;
}

function ordinary(bytes: number): Buffer {
  try {
    return Buffer.alloc(bytes);
  } catch (cause) {
    throw new RpcError('RESOURCE_EXHAUSTED', `allocate: ${bytes} bytes of memory can't be had`, { cause });
  }
}

/** What one channel lends and borrows. */
export class Loans {
  readonly #link: Link;
  /** What the peer sends by reference is received as a loan, in its place, instead of copied. */
  trusted = false;
  /** Memory was allocated here: what is sent from now on may refer to it. */
  lends = false;

  #borrower: Borrower | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Memory that travels by reference when it is sent, where the mechanism has such; elsewhere any memory. */
  allocate(bytes: number): Buffer {
    if (!(Number.isInteger(bytes) && bytes >= 0)) {
      const words = `allocate: expected a whole number of bytes of 0 or more, found ${String(bytes)}`;
      throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
    }
    const { blocks } = this.#link;
    if (blocks === undefined || bytes < LEAST_REFERRED_BYTES) return ordinary(bytes);
    this.lends = true;
    const memory = blocks.allocate(bytes);
    owners.set(memory.buffer, blocks);
    return memory;
  }

  /** Runs `work`, in which a message that is measured or encoded may refer to what this side lends. */
  lending<R>(work: (lender: Lender) => R): R {
    const before = references.referrer;
    const lender = new Lender(this.#link.blocks!);
    references.referrer = lender;
    this.lends = false;
    try {
      return work(lender);
    } finally {
      this.lends = true;
      references.referrer = before;
    }
  }

  /**
   * For the message of which `borrowing` tells: copies of what it refers to, in the order of its references, and the bytes
   * of the table behind it. Of any other, none and 0.
   */
  copyBorrowed(): { readonly table: number; readonly copies: readonly Uint8Array[] } {
    return this.#borrower === undefined
      ? NOTHING_BORROWED
      : { table: this.#borrower.bytes, copies: this.#borrower.copies() };
  }

  /** Runs `work` on a message without its table, in which what that refers to is decoded. Throws DATA_LOSS. */
  borrowing({ bytes, view, start, end }: Span, payloadBytes: number, work: (message: Span) => void): void {
    const { blocks } = this.#link;
    if (blocks === undefined) throw malformed();
    const borrower = new Borrower(blocks, this.trusted, bytes, view, end - payloadBytes, end);
    const before = references.resolver;
    references.resolver = borrower;
    this.#borrower = borrower;
    try {
      work({ bytes, view, start, end: end - borrower.bytes });
    } finally {
      references.resolver = before;
      this.#borrower = undefined;
      borrower.finish();
    }
  }
}

const NOTHING_BORROWED = Object.freeze({ table: 0, copies: Object.freeze([]) });

/** The references of one message that is being encoded. */
class Lender implements Referrer {
  readonly #blocks: Blocks;
  readonly #nonce = randomFillSync(new Uint8Array(NONCE_BYTES));
  readonly #referred: Uint8Array[] = [];

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  refer(value: Uint8Array): Uint8Array | undefined {
    const state = this.#blocks.stateOf(value.buffer);
    if (state === undefined) return undefined;
    if (state === 'lent') throw sentBefore();
    let index = this.#referred.findIndex((other) => sameBytes(other, value));
    if (index < 0) index = this.#referred.push(value) - 1;
    const reference = new Uint8Array(REFERENCE_BYTES);
    reference.set(this.#nonce);
    new DataView(reference.buffer).setUint32(NONCE_BYTES, index, true);
    return reference;
  }

  /** Bytes of the table; 0 when nothing is referred to. */
  get bytes(): number {
    return this.#referred.length === 0 ? 0 : this.#referred.length * ENTRY_BYTES + TRAILER_BYTES;
  }

  /** Writes the table, and lends with the claim that is open what it names. */
  write(bytes: Buffer, at: number): void {
    const fresh = new Set<number>();
    for (const { buffer, byteOffset, length } of this.#referred) {
      const lent = this.#blocks.lend(buffer);
      const comes = lent.fresh && !fresh.has(lent.block);
      if (comes) fresh.add(lent.block);
      bytes.writeUInt32LE(lent.block + (comes ? FRESH : 0), at);
      bytes.writeUInt32LE(byteOffset, at + 4);
      bytes.writeUInt32LE(length, at + 8);
      bytes.writeUInt32LE(lent.bytes, at + 12);
      at += ENTRY_BYTES;
    }
    bytes.set(this.#nonce, at);
    bytes.writeUInt32LE(this.#referred.length, at + NONCE_BYTES);
    bytes.writeUInt32LE(0, at + NONCE_BYTES + 4);
  }
}

/** What sends the message with the table of its references behind it; `type` itself where it has none. */
export function withTable<T>(type: MessageType<T>, message: MessageInit<T>, lender: Lender): MessageType<T> {
  type.size(message);
  if (lender.bytes === 0) return type;
  return {
    ...type,
    size: (value) => type.size(value) + lender.bytes,
    encode: (value, bytes, start) => {
      const at = type.encode(value, bytes, start);
      lender.write(bytes, at);
      return at + lender.bytes;
    },
  };
}

/** The references of one received message, while it is decoded. */
class Borrower implements Resolver {
  /** Bytes of the table. */
  readonly bytes: number;
  readonly #blocks: Blocks;
  readonly #trusted: boolean;
  readonly #nonce: Buffer;
  readonly #borrowed: Uint8Array<ArrayBuffer>[] = [];
  /** Those that somebody has now, who gives them back. */
  readonly #taken = new Set<Uint8Array>();

  /** Reads the table at the end of `bytes[start, end)`, which the peer could still change. Throws DATA_LOSS. */
  constructor(blocks: Blocks, trusted: boolean, bytes: Buffer, view: DataView, start: number, end: number) {
    this.#blocks = blocks;
    this.#trusted = trusted;
    const trailer = end - TRAILER_BYTES;
    const count = trailer < start ? 0 : view.getUint32(trailer + NONCE_BYTES, true);
    this.bytes = count * ENTRY_BYTES + TRAILER_BYTES;
    // A block may be referred to more than once, but not more often than a message of sense would.
    if (count === 0 || count > 64 * blocks.most || this.bytes > end - start) throw malformed();
    this.#nonce = Buffer.from(bytes.subarray(trailer, trailer + NONCE_BYTES));
    try {
      for (let at = end - this.bytes; at < trailer; at += ENTRY_BYTES) this.#borrow(view, at);
    } catch (error) {
      this.finish();
      throw error;
    }
  }

  resolve(bytes: Uint8Array, start: number): Uint8Array | undefined {
    if (this.#nonce.compare(bytes, start, start + NONCE_BYTES) !== 0) return undefined;
    const at = bytes.byteOffset + start + NONCE_BYTES;
    const borrowed = this.#borrowed[new DataView(bytes.buffer, at, 4).getUint32(0, true)];
    if (borrowed === undefined || !this.#trusted) return borrowed?.slice();
    this.#taken.add(borrowed);
    owners.set(borrowed.buffer, this.#blocks);
    return borrowed;
  }

  copies(): readonly Uint8Array[] {
    return this.#borrowed.map((borrowed) => borrowed.slice());
  }

  /** Gives back what nobody has taken. */
  finish(): void {
    for (const borrowed of this.#borrowed) {
      if (!this.#taken.has(borrowed)) this.#blocks.giveBack(borrowed.buffer);
    }
  }

  #borrow(view: DataView, at: number): void {
    const number = view.getUint32(at, true);
    const block = number % FRESH;
    if (number >= FRESH) this.#blocks.admit(block, view.getUint32(at + 12, true));
    this.#borrowed.push(this.#blocks.borrow(block, view.getUint32(at + 4, true), view.getUint32(at + 8, true)));
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;
}

function sentBefore(): RpcError {
  const words =
    'this memory was sent or given back before, and is not to be used any more: allocate other memory for each message';
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNENCODABLE });
}

function malformed(): RpcError {
  const words = 'the peer broke the protocol: it sent a malformed table of references';
  return new RpcError('DATA_LOSS', words, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
}
