import type { Span } from '@callgate/core/transport';
import { BOXED, emptyHead, HEAD_BYTES, Kind, NORMAL, restType, TYPE_BYTES, URGENT, writeHead } from './layout.js';

const FRONT_BYTES = TYPE_BYTES + HEAD_BYTES;
const SMALL_BYTES = 8 * 1024;
/** A buffer larger than this is not kept once its message is sent. */
const KEPT_BYTES = 1024 * 1024;

/** Sends a part to wherever the message goes. False when there is no room now. */
export type Transmit = (type: number, bytes: Buffer, start: number, end: number) => boolean;

/** The one message that a link is sending, part by part. */
export class Outbox {
  /** What answers are to be sent to. */
  readonly #from: number;
  readonly #head = emptyHead();
  #memory = Buffer.allocUnsafeSlow(SMALL_BYTES);
  #view = viewOf(this.#memory);
  #claimed = -1;
  #partBytes: number;
  /** Bytes of the message, -1 for none. */
  #length = -1;
  #sentParts = 0;
  #serial = 0;
  #type = NORMAL;

  constructor(from: number, partBytes: number, sendsOnly = false) {
    this.#from = from;
    this.#head.sendsOnly = sendsOnly;
    this.#partBytes = partBytes;
  }

  get claimed(): boolean {
    return this.#claimed >= 0;
  }

  /** A message is not sent, or only in part. */
  get pending(): boolean {
    return this.#length >= 0;
  }

  /** Some of it is on its way. */
  get begun(): boolean {
    return this.#sentParts > 0;
  }

  get about(): number {
    return this.#head.about;
  }

  get kind(): number {
    return this.#head.kind;
  }

  set partBytes(bytes: number) {
    this.#partBytes = bytes;
  }

  claim(bytes: number): Span {
    const needed = FRONT_BYTES + bytes;
    if (needed > this.#memory.length || (this.#memory.length > KEPT_BYTES && needed < KEPT_BYTES)) {
      this.#memory = Buffer.allocUnsafeSlow(Math.max(SMALL_BYTES, needed));
      this.#view = viewOf(this.#memory);
    }
    this.#claimed = bytes;
    return { bytes: this.#memory, view: this.#view, start: FRONT_BYTES, end: FRONT_BYTES + bytes };
  }

  abandon(): void {
    this.#claimed = -1;
  }

  /** False when there is no claim of that length. */
  commit(length: number, kind: number, type: number, about: number, expires: number): boolean {
    if (!(length >= 0 && length <= this.#claimed)) return false;
    this.#claimed = -1;
    this.#length = length;
    this.#sentParts = 0;
    this.#serial = (this.#serial + 1) >>> 0;
    this.#type = type;
    const head = this.#head;
    head.kind = kind;
    head.from = this.#from;
    head.answerType = BOXED;
    head.serial = this.#serial;
    head.bytes = length;
    head.about = about;
    head.expires = expires;
    head.parts = Math.max(1, Math.ceil(length / this.#partBytes));
    return true;
  }

  /** True when all is sent. `boxed`: it goes into a box, where parts follow one another. */
  send(transmit: Transmit, boxed: boolean): boolean {
    const head = this.#head;
    const kind = head.kind;
    while (this.#sentParts < head.parts) {
      const part = this.#sentParts;
      const start = FRONT_BYTES + part * this.#partBytes;
      const end = Math.min(start + this.#partBytes, FRONT_BYTES + this.#length);
      head.part = part;
      head.kind = part === 0 ? kind : Kind.REST;
      // The head lies over the end of the part before, which is sent.
      writeHead(this.#view, start - HEAD_BYTES, head);
      head.kind = kind;
      const type = boxed || part === 0 ? this.#type : restType(this.#from, this.#serial);
      if (!transmit(type, this.#memory, start - HEAD_BYTES, end)) return false;
      this.#sentParts++;
    }
    this.drop();
    return true;
  }

  /** The part for which there was no room has been sent all the same. */
  sentOne(): void {
    if (++this.#sentParts === this.#head.parts) this.drop();
  }

  drop(): void {
    this.#length = -1;
    this.#sentParts = 0;
  }
}

/** The type of a message in the mailbox. */
export function urgency(urgent: boolean): number {
  return urgent ? URGENT : NORMAL;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
