import type { RpcError } from '../../errors/index.js';
import type { Span } from '../contract.js';
import type { ByteStream } from './contract.js';
import { encodeBye, HEADER_BYTES } from './layout.js';

/** Bytes of the buffer of a link at rest. */
const BASE_BYTES = 65_536;

/** Outgoing messages, framed in the buffer that the next write takes. It grows when needed and shrinks when written. */
export class Outbox {
  readonly #batchBytes: number;
  readonly #base = Buffer.allocUnsafeSlow(BASE_BYTES);
  readonly #baseView = viewOf(this.#base);
  #bytes = this.#base;
  #view = this.#baseView;
  /** `#bytes[head, tail)` is committed and not yet written. */
  #head = 0;
  #tail = 0;
  /** Bytes of the open claim; -1 for none. */
  #claimed = -1;
  readonly #span = { bytes: this.#bytes, view: this.#view, start: 0, end: 0 };

  /** `batchBytes`: more than that is not kept unsent, except that any one message is taken when nothing is. */
  constructor(batchBytes: number) {
    this.#batchBytes = batchBytes;
  }

  get pending(): boolean {
    return this.#head !== this.#tail;
  }

  get claimed(): boolean {
    return this.#claimed >= 0;
  }

  fits(bytes: number): boolean {
    const unsent = this.#tail - this.#head;
    return unsent === 0 || unsent + HEADER_BYTES + bytes <= this.#batchBytes;
  }

  /** For what fits. */
  claim(bytes: number): Span {
    this.#makeRoom(HEADER_BYTES + bytes);
    this.#claimed = bytes;
    const span = this.#span;
    span.bytes = this.#bytes;
    span.view = this.#view;
    span.start = this.#tail + HEADER_BYTES;
    span.end = span.start + bytes;
    return span;
  }

  /** False when there is no claim of that many bytes. */
  commit(length: number): boolean {
    if (!(length >= 0 && length <= this.#claimed)) return false;
    this.#view.setUint32(this.#tail, length, true);
    this.#tail += HEADER_BYTES + length;
    this.#claimed = -1;
    return true;
  }

  abandon(): void {
    this.#claimed = -1;
  }

  /** The end marker goes behind all that is committed. */
  sayBye(error?: RpcError): void {
    const bye = encodeBye(error);
    this.abandon();
    this.#makeRoom(bye.length);
    this.#tail += bye.copy(this.#bytes, this.#tail);
  }

  /** One write, of all that is unsent. False when the stream is full now. Throws what the stream throws. */
  write(stream: ByteStream): boolean {
    const wrote = stream.tryWrite(this.#bytes, this.#head, this.#tail);
    if (wrote > 0) this.#head += wrote;
    if (this.#head !== this.#tail) return false;
    // An open claim stays where it is; the space before it is won back with the next.
    if (this.#claimed >= 0) return true;
    this.#head = 0;
    this.#tail = 0;
    this.#bytes = this.#base;
    this.#view = this.#baseView;
    return true;
  }

  /** Drops everything. */
  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    this.#claimed = -1;
    this.#bytes = this.#base;
    this.#view = this.#baseView;
  }

  #makeRoom(bytes: number): void {
    if (this.#bytes.length - this.#tail >= bytes) return;
    const unsent = this.#tail - this.#head;
    if (this.#bytes.length - unsent >= bytes && this.#head >= unsent) {
      this.#bytes.copyWithin(0, this.#head, this.#tail);
    } else {
      const grown = Buffer.allocUnsafeSlow(Math.max(unsent + bytes, 2 * unsent));
      this.#bytes.copy(grown, 0, this.#head, this.#tail);
      this.#bytes = grown;
      this.#view = viewOf(grown);
    }
    this.#head = 0;
    this.#tail = unsent;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
