import type { Blocks, Lent } from '../../transport/contract.js';

/**
 * What messages refer to, at a worker: the front has copied it out of the client's memory, and it stands behind the
 * message, in the order of the references. What a worker sends refers to nothing: any memory does, which is copied once.
 */
export class CopiedBlocks implements Blocks {
  readonly most = 64;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Of the message that is about to be handled; valid as long as that is. */
  arrived(bytes: Buffer, at: number, length: number): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = at + length;
  }

  allocate(bytes: number): Buffer {
    return Buffer.alloc(bytes);
  }

  stateOf(): undefined {
    return undefined;
  }

  lend(): Lent {
    throw new Error('a worker of a pool lends nothing');
  }

  discard(): void {}

  admit(): void {}

  /** The next of the copies, as it lies there: who asks copies it, since nothing is trusted to stay. */
  borrow(_block: number, _start: number, length: number): Uint8Array<ArrayBuffer> {
    const at = this.#at;
    this.#at = Math.min(this.#end, at + length);
    return this.#bytes.subarray(at, this.#at) as Uint8Array<ArrayBuffer>;
  }

  giveBack(): void {}
}
