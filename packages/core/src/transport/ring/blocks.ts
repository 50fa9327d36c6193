import { fromErrno, RpcError } from '../../errors/index.js';
import type { Blocks, Lent } from '../blocks.js';
import type { Handle } from '../contract.js';
import { violation } from '../ends.js';
import { BLOCK_STATES, BLOCKS } from './layout.js';

/** Memory of a block, mapped into this process. */
export interface MappedBlock {
  readonly buffer: ArrayBuffer;
  /** Unmaps it: the buffer is detached. Idempotent. */
  close(): void;
}

/** The mechanism of blocks. May throw system errors. */
export interface BlockMemory {
  /** A fresh one, zeroed; the handle travels to the peer. */
  make(bytes: number): { readonly block: MappedBlock; readonly handle: Handle };
  /** One that the peer has made. */
  map(handle: Handle, bytes: number): MappedBlock;
}

/** What the two sides write into a block's word: who has it. */
const MAKER = 0;
const PEER = 1;
/** The peer has given it back and does not see it any more: the maker lets go of it, too. */
const FORGOTTEN = 2;

/** Blocks are powers of two, so that one that is given back fits again; smaller ones are not worth a mapping. */
const SMALLEST = 65_536;

interface Made {
  readonly number: number;
  readonly bytes: number;
  readonly block: MappedBlock;
  /** Until the peer has it. */
  handle: Handle | undefined;
  state: 'free' | 'held' | 'lent';
}

interface Known {
  readonly number: number;
  readonly bytes: number;
  /** Weak while it is lent, so that memory which is merely forgotten comes back, too. */
  readonly memory: WeakRef<ArrayBuffer>;
  /** Keeps it in reach while it is not lent. */
  kept: ArrayBuffer | undefined;
  borrowed: number;
}

/** A block lives as long as its buffer, and no longer: nothing else may hold it. */
const blocksOf = new WeakMap<ArrayBuffer, MappedBlock>();

/** Blocks over memory; their words stand in the segment of the rings, those of each side's own blocks written by both. */
export class RingBlocks implements Blocks {
  readonly most = BLOCKS;
  readonly #words: Int32Array;
  readonly #own: number;
  readonly #peers: number;
  readonly #memory: BlockMemory;
  readonly #maxBytes: number;
  readonly #who: string;
  readonly #made: (Made | undefined)[] = [];
  readonly #byMemory = new Map<ArrayBufferLike, Made>();
  #madeBytes = 0;
  /** Lent with the claim that is open. */
  #pending: Made[] = [];
  readonly #known: (Known | undefined)[] = [];
  readonly #numbers = new WeakMap<ArrayBufferLike, Known>();
  /** What came with the received message, and is not admitted yet. */
  #arrived: Handle[] = [];
  #ended = false;
  readonly #collected = new FinalizationRegistry<Known>((known) => this.#forgotten(known));

  /** `maxBytes`: of all blocks of this side. */
  constructor(words: Int32Array, side: 'connector' | 'acceptor', memory: BlockMemory, maxBytes: number, who: string) {
    this.#words = words;
    this.#own = BLOCK_STATES + (side === 'connector' ? 0 : BLOCKS);
    this.#peers = BLOCK_STATES + (side === 'connector' ? BLOCKS : 0);
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#who = who;
  }

  allocate(bytes: number): Buffer {
    if (this.#ended) throw new RpcError('UNAVAILABLE', `the link with ${this.#who} has ended`, { failed: 'channel' });
    this.#takeBack();
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    const made = this.#free(size, 4 * size) ?? this.#make(size) ?? this.#free(size, Number.POSITIVE_INFINITY);
    if (made === undefined) throw this.#exhausted(bytes);
    made.state = 'held';
    return Buffer.from(made.block.buffer, 0, bytes);
  }

  stateOf(memory: ArrayBufferLike): 'held' | 'lent' | undefined {
    const made = this.#byMemory.get(memory);
    if (made === undefined) return undefined;
    return made.state === 'held' ? 'held' : 'lent';
  }

  lend(memory: ArrayBufferLike): Lent {
    const made = this.#byMemory.get(memory)!;
    if (!this.#pending.includes(made)) this.#pending.push(made);
    return { block: made.number, bytes: made.bytes, fresh: made.handle !== undefined };
  }

  discard(memory: ArrayBufferLike): void {
    const made = this.#byMemory.get(memory);
    if (made?.state === 'held') made.state = 'free';
  }

  /** For the commit of a message: the handles that must travel with it. */
  get departing(): readonly Handle[] {
    return this.#pending.flatMap(({ handle }) => (handle === undefined ? [] : [handle]));
  }

  get lending(): boolean {
    return this.#pending.length > 0;
  }

  /** The message is about to be published, and what must travel with it is on its way. */
  committed(): void {
    for (const made of this.#pending) {
      made.state = 'lent';
      made.handle?.close();
      made.handle = undefined;
      Atomics.store(this.#words, this.#own + made.number, PEER);
    }
    this.#pending = [];
  }

  abandoned(): void {
    this.#pending = [];
  }

  /** What came with a received message. */
  arrived(handles: readonly Handle[]): void {
    this.#arrived = [...handles];
  }

  /** The received message is released: what nobody has admitted is dropped. */
  released(): void {
    for (const handle of this.#arrived) handle.close();
    this.#arrived = [];
  }

  admit(number: number, bytes: number): void {
    const handle = this.#arrived.shift();
    if (handle === undefined) throw violation(this.#who, 'lends memory that it did not send along');
    using mine = handle;
    if (!(number < BLOCKS) || (this.#known[number]?.borrowed ?? 0) > 0) {
      throw violation(this.#who, `lends block ${number} anew, which is impossible, or lent already`);
    }
    this.#letGo(this.#known[number]);
    let block: MappedBlock;
    try {
      block = this.#memory.map(mine, bytes);
    } catch (error) {
      throw fromErrno(error, `block ${number} of ${this.#who} can't be mapped`);
    }
    blocksOf.set(block.buffer, block);
    const known = { number, bytes, memory: new WeakRef(block.buffer), kept: block.buffer, borrowed: 0 };
    this.#known[number] = known;
    this.#numbers.set(block.buffer, known);
    this.#collected.register(block.buffer, known, known);
  }

  borrow(number: number, start: number, length: number): Uint8Array<ArrayBuffer> {
    const known = this.#known[number];
    const memory = known?.kept ?? known?.memory.deref();
    if (known === undefined || memory === undefined)
      throw violation(this.#who, `refers to block ${number}, which it never lent`);
    if (start + length > known.bytes) {
      throw violation(this.#who, `refers to ${length} bytes at ${start} of a block of ${known.bytes}`);
    }
    known.borrowed++;
    known.kept = undefined;
    return new Uint8Array(memory, start, length);
  }

  giveBack(memory: ArrayBufferLike): void {
    const known = this.#numbers.get(memory);
    if (known === undefined || known.borrowed === 0 || --known.borrowed > 0) return;
    if (this.#ended) this.#letGo(known);
    else {
      known.kept = known.memory.deref();
      Atomics.store(this.#words, this.#peers + known.number, MAKER);
    }
  }

  /** The link has ended, and the segment is about to go. What is borrowed lives on until it is given back, or forgotten. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.released();
    for (const made of this.#made.splice(0)) this.#drop(made);
    for (const known of this.#known.splice(0)) if (known?.borrowed === 0) this.#letGo(known);
  }

  #free(least: number, most: number): Made | undefined {
    let best: Made | undefined;
    for (const made of this.#made) {
      if (made?.state !== 'free' || made.bytes < least || made.bytes > most) continue;
      if (best === undefined || made.bytes < best.bytes) best = made;
    }
    return best;
  }

  #make(bytes: number): Made | undefined {
    const empty = this.#made.indexOf(undefined);
    const number = empty >= 0 ? empty : this.#made.length;
    if (number >= BLOCKS || this.#madeBytes + bytes > this.#maxBytes) return undefined;
    const made: Made = { number, bytes, state: 'free', ...this.#fresh(bytes) };
    this.#made[number] = made;
    this.#byMemory.set(made.block.buffer, made);
    this.#madeBytes += bytes;
    return made;
  }

  #fresh(bytes: number): { readonly block: MappedBlock; readonly handle: Handle } {
    try {
      return this.#memory.make(bytes);
    } catch (error) {
      throw fromErrno(error, `${bytes} bytes of shared memory can't be made`);
    }
  }

  /** What the peer has given back. Its word counts for no more than that: the memory was its to write anyway. */
  #takeBack(): void {
    for (const made of this.#made) {
      if (made?.state !== 'lent') continue;
      const state = Atomics.load(this.#words, this.#own + made.number);
      if (state === MAKER) made.state = 'free';
      else if (state === FORGOTTEN) this.#drop(made);
    }
  }

  #drop(made: Made | undefined): void {
    if (made === undefined) return;
    if (!this.#ended) this.#made[made.number] = undefined;
    this.#byMemory.delete(made.block.buffer);
    this.#madeBytes -= made.bytes;
    made.handle?.close();
    made.block.close();
  }

  #letGo(known: Known | undefined): void {
    const memory = known?.kept ?? known?.memory.deref();
    if (memory === undefined) return;
    this.#collected.unregister(known!);
    blocksOf.get(memory)?.close();
  }

  /** The buffer of a block was collected, and so the block is unmapped. */
  #forgotten(known: Known): void {
    if (this.#ended || this.#known[known.number] !== known) return;
    this.#known[known.number] = undefined;
    Atomics.store(this.#words, this.#peers + known.number, FORGOTTEN);
  }

  #exhausted(bytes: number): RpcError {
    const lent = this.#made.filter((made) => made?.state === 'lent');
    const held = this.#made.filter((made) => made?.state === 'held');
    const words = `${bytes} bytes of shared memory can't be had: this side of the link has ${this.#madeBytes} bytes in blocks (at most ${this.#maxBytes}, option maxSharedBytes), of which the peer has ${lent.length} blocks on loan and has not released them, and ${held.length} are allocated and not sent`;
    return new RpcError('RESOURCE_EXHAUSTED', words);
  }
}
