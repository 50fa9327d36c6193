import { RING_BYTES } from './layout.js';

/** A ring of bytes in shared memory, with one writer and one reader: as either of them has it. */
export class ByteRing {
  /** The memory of the ring, RING_BYTES long. */
  readonly bytes: Buffer;
  readonly #words: Int32Array;
  readonly #writtenAt: number;
  readonly #readAt: number;

  /** `writtenAt`, `readAt`: words that count the bytes written and read. */
  constructor(words: Int32Array, writtenAt: number, readAt: number, bytes: Buffer) {
    this.bytes = bytes;
    this.#words = words;
    this.#writtenAt = writtenAt;
    this.#readAt = readAt;
  }

  /** Bytes to be read. */
  get size(): number {
    return (Atomics.load(this.#words, this.#writtenAt) - Atomics.load(this.#words, this.#readAt)) | 0;
  }

  /** Bytes that can be written. */
  get room(): number {
    return RING_BYTES - this.size;
  }

  /** Where in `bytes` the writer goes on, and for how many bytes without a turn: 0 when the ring is full. */
  get writeAt(): number {
    return Atomics.load(this.#words, this.#writtenAt) & (RING_BYTES - 1);
  }

  get writeRun(): number {
    return Math.min(this.room, RING_BYTES - this.writeAt);
  }

  /** So many bytes from `writeAt` on can be read now. */
  wrote(count: number): void {
    Atomics.add(this.#words, this.#writtenAt, count);
  }

  /** Where the reader goes on, and for how many bytes without a turn: 0 when nothing is there. */
  get readAt(): number {
    return Atomics.load(this.#words, this.#readAt) & (RING_BYTES - 1);
  }

  get readRun(): number {
    return Math.min(this.size, RING_BYTES - this.readAt);
  }

  /** So many bytes from `readAt` on can be written anew. */
  took(count: number): void {
    Atomics.add(this.#words, this.#readAt, count);
  }

  /** Copies as much of `from[start, end)` as fits: how much. */
  write(from: Buffer, start: number, end: number): number {
    let done = 0;
    for (let run = this.writeRun; run > 0 && start + done < end; run = this.writeRun) {
      const count = from.copy(this.bytes, this.writeAt, start + done, Math.min(end, start + done + run));
      this.wrote(count);
      done += count;
    }
    return done;
  }

  /** Copies what is there into `to[start, end)`: how much. */
  read(to: Buffer, start: number, end: number): number {
    let done = 0;
    for (let run = this.readRun; run > 0 && start + done < end; run = this.readRun) {
      const at = this.readAt;
      const count = this.bytes.copy(to, start + done, at, Math.min(at + run, at + end - start - done));
      this.took(count);
      done += count;
    }
    return done;
  }
}
