/**
 * Memory that both ends of a link see, in blocks, beside what the link carries by itself. One side makes a block and fills it, and
 * lends it to its peer with a message that says where in it to look; the peer gives it back. Nothing is copied.
 */
export interface Blocks {
  /** Blocks of either side that there can be; they are numbered from 0. */
  readonly most: number;

  // --- of this side ----------------------------------------------------------------------------------------------------
  /**
   * Memory of at least so many bytes, zeroed or as a block before it was left; this side's until it is lent or discarded.
   * Throws RESOURCE_EXHAUSTED where there would be more of it than allowed.
   */
  allocate(bytes: number): Buffer;
  /** Whose this memory is: a block that this side may write, one that the peer has, or none of this link's. */
  stateOf(memory: ArrayBufferLike): 'held' | 'lent' | undefined;
  /** The block's number. It becomes the peer's with the next commit, unless that claim is abandoned. */
  lend(memory: ArrayBufferLike): Lent;
  /** Takes back a block that was allocated and not lent. */
  discard(memory: ArrayBufferLike): void;

  // --- of the peer -----------------------------------------------------------------------------------------------------
  /**
   * For the message that was received: the peer's block of that number is one that came with it. To be called for each,
   * in the order in which they were lent. Throws DATA_LOSS (PROTOCOL_VIOLATION).
   */
  admit(block: number, bytes: number): void;
  /** Memory of a block that the peer has lent. Throws DATA_LOSS (PROTOCOL_VIOLATION) for what is not in one. */
  borrow(block: number, start: number, length: number): Uint8Array<ArrayBuffer>;
  /** Undoes one `borrow` of that memory. Also after the link has ended. */
  giveBack(memory: ArrayBufferLike): void;
}

/** What a message has to say of a block that it lends. */
export interface Lent {
  readonly block: number;
  /** Bytes of the whole block. */
  readonly bytes: number;
  /** The peer does not know it yet: its memory travels with this message. */
  readonly fresh: boolean;
}
