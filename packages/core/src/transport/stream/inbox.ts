import type { RpcError } from '../../errors/index.js';
import type { Deadline, Handle, Span } from '../contract.js';
import { violation } from '../ends.js';
import { closeAll, NO_HANDLES } from '../handle.js';
import { Arrivals } from './arrivals.js';
import type { ByteStream, HandleCourier } from './contract.js';
import { BYE, BYE_BYTES, byeBytes, decodeBye, HEADER_BYTES, MAX_BYE_BYTES, WITH_HANDLES } from './layout.js';

/** What stands at the head of an inbox. */
export const INCOMPLETE = 0;
export const MESSAGE = 1;
export const GOODBYE = 2;
export type Head = typeof INCOMPLETE | typeof MESSAGE | typeof GOODBYE;

/** Bytes of the buffer of a link at rest, and of the largest read while messages are small. */
const BASE_BYTES = 65_536;
/** What one's peer merely announces makes the buffer grow so far at once; beyond, it doubles as bytes really come. */
const TRUSTED_BYTES = 1_048_576;

/**
 * Incoming bytes, and the messages in them, which are read where they lie. The buffer grows for a large message and is
 * let go when that has been read.
 */
export class Inbox {
  readonly #limit: number;
  readonly #who: string;
  readonly #base = Buffer.allocUnsafeSlow(BASE_BYTES);
  readonly #baseView = viewOf(this.#base);
  #bytes = this.#base;
  #view = this.#baseView;
  /** What is in `#bytes[head, tail)` has come and is not consumed. */
  #head = 0;
  #tail = 0;
  /** Bytes, with its header, of the message that is out on loan; 0 for none. It stays at the head meanwhile. */
  #lent = 0;
  /** Where handles can come, those that have come and are not yet a received message's. */
  readonly #arrivals: Arrivals | undefined;
  /** Those of the message that is out on loan. */
  #offered: readonly Handle[] = NO_HANDLES;
  readonly #span = { bytes: this.#bytes, view: this.#view, start: 0, end: 0 };

  /** The last read filled the buffer: more is probably there. */
  more = false;

  /** `limit`: bytes of the largest message that is accepted. `who`: the peer, in words. */
  constructor(limit: number, who: string, courier?: HandleCourier) {
    this.#limit = limit;
    this.#who = who;
    this.#arrivals = courier && new Arrivals(courier, who);
  }

  get lent(): boolean {
    return this.#lent > 0;
  }

  /** Bytes of something unfinished are here. */
  get torn(): boolean {
    return this.#tail !== this.#head + this.#lent;
  }

  /** What is next, behind a message that is out on loan. Throws RpcError when the peer has broken the protocol. */
  look(): Head {
    const at = this.#head + this.#lent;
    const have = this.#tail - at;
    if (have < HEADER_BYTES) return INCOMPLETE;
    const length = this.#view.getUint32(at, true);
    if (length <= this.#limit) return have - HEADER_BYTES >= length ? MESSAGE : INCOMPLETE;
    if (length !== BYE) {
      if (this.#arrivals !== undefined && length >= WITH_HANDLES && length - WITH_HANDLES <= this.#limit) {
        if (have - HEADER_BYTES < length - WITH_HANDLES) return INCOMPLETE;
        this.#arrivals.mustHave(this.#lent);
        return MESSAGE;
      }
      throw violation(this.#who, `announced a message of ${length} bytes; at most ${this.#limit} are accepted`);
    }
    if (have < BYE_BYTES) return INCOMPLETE;
    const bytes = byeBytes(this.#bytes, at);
    if (bytes < 0) throw violation(this.#who, 'sent a malformed end marker');
    return have >= bytes ? GOODBYE : INCOMPLETE;
  }

  /** Lends the message at the head. The span is valid until `release`. */
  lend(): Span {
    const start = this.#head + HEADER_BYTES;
    let length = this.#view.getUint32(this.#head, true);
    if (length >= WITH_HANDLES) {
      length -= WITH_HANDLES;
      this.#offered = this.#arrivals!.take();
    }
    this.#lent = HEADER_BYTES + length;
    const span = this.#span;
    span.bytes = this.#bytes;
    span.view = this.#view;
    span.start = start;
    span.end = start + length;
    return span;
  }

  /** Those of the message that is out on loan; the caller's from now on. */
  takeHandles(): readonly Handle[] {
    const handles = this.#offered;
    this.#offered = NO_HANDLES;
    return handles;
  }

  release(): void {
    if (this.#offered !== NO_HANDLES) closeAll(this.takeHandles());
    if (this.#arrivals?.waiting) this.#arrivals.forget(this.#lent);
    this.#head += this.#lent;
    this.#lent = 0;
    if (this.#head !== this.#tail) return;
    this.#head = 0;
    this.#tail = 0;
    this.#bytes = this.#base;
    this.#view = this.#baseView;
  }

  /** Ends the loan without touching the memory that was lent: it stays with whoever reads it. */
  detach(): void {
    if (this.#lent === 0) return;
    this.#arrivals?.forget(this.#lent);
    const rest = this.#bytes.subarray(this.#head + this.#lent, this.#tail);
    this.#use(Buffer.allocUnsafeSlow(Math.max(rest.length, BASE_BYTES)));
    this.#tail = rest.copy(this.#bytes);
    this.#head = 0;
    this.#lent = 0;
  }

  /** Closes the handles of messages that nobody will receive. */
  dropHandles(): void {
    this.#arrivals?.drop();
  }

  /** What the bye that is next says. */
  goodbye(): RpcError | undefined {
    return decodeBye(this.#bytes, this.#head + this.#lent);
  }

  /** One read, which waits for bytes until the deadline: its result, see ByteStream.waitRead. */
  waitFill(stream: ByteStream, deadline: Deadline): number {
    this.#makeRoom();
    const got =
      this.#arrivals === undefined
        ? stream.waitRead(this.#bytes, this.#tail, this.#bytes.length, deadline)
        : this.#arrivals.waitRead(this.#bytes, this.#tail, this.#bytes.length, deadline);
    return this.#filled(got);
  }

  /** One read: its result, see ByteStream.tryRead. */
  fill(stream: ByteStream): number {
    this.#makeRoom();
    const got =
      this.#arrivals === undefined
        ? stream.tryRead(this.#bytes, this.#tail, this.#bytes.length)
        : this.#arrivals.read(this.#bytes, this.#tail, this.#bytes.length);
    return this.#filled(got);
  }

  #filled(got: number): number {
    const room = this.#bytes.length - this.#tail;
    this.more = got === room;
    if (got > 0) this.#tail += got;
    if (this.#arrivals?.caught) this.#place(this.#arrivals, got);
    return got;
  }

  /** Whether a bye comes after whatever messages are still here, and what it says. For when nothing more will come. */
  farewell(): { readonly said: boolean; readonly error?: RpcError | undefined } {
    let at = this.#head + this.#lent;
    while (this.#tail - at >= HEADER_BYTES) {
      const length = this.#view.getUint32(at, true);
      if (length === BYE) {
        const bytes = this.#tail - at >= BYE_BYTES ? byeBytes(this.#bytes, at) : -1;
        return bytes > 0 && this.#tail - at >= bytes
          ? { said: true, error: decodeBye(this.#bytes, at) }
          : { said: false };
      }
      at += HEADER_BYTES + (length % WITH_HANDLES);
    }
    return { said: false };
  }

  /** Keeps the handles that came with the last `got` bytes if the message that they belong to begins there. */
  #place(arrivals: Arrivals, got: number): void {
    const from = this.#tail - got;
    let at = this.#head;
    let begins = false;
    while (at < this.#tail && !begins) {
      const length = this.#tail - at < HEADER_BYTES ? WITH_HANDLES : this.#view.getUint32(at, true);
      begins = at >= from && length >= WITH_HANDLES;
      at += HEADER_BYTES + (length % WITH_HANDLES);
    }
    arrivals.keep(begins, from - this.#head, this.#tail - this.#head);
  }

  /** Room for at least one byte more. What is out on loan is not moved: a copy takes its place here. */
  #makeRoom(): void {
    const have = this.#tail - this.#head;
    const announced = this.#lent + this.#announced();
    const wanted = Math.max(have + 1, Math.min(announced, this.#lent + TRUSTED_BYTES));
    const fits = wanted <= this.#bytes.length - this.#head;
    if (this.#tail < this.#bytes.length && (fits || this.#lent > 0)) return;
    if (wanted <= this.#bytes.length && this.#lent === 0) {
      this.#bytes.copyWithin(0, this.#head, this.#tail);
    } else {
      const doubled = have < announced ? Math.min(2 * have, announced) : 2 * have;
      const old = this.#bytes;
      this.#use(Buffer.allocUnsafeSlow(Math.max(wanted, doubled, BASE_BYTES)));
      old.copy(this.#bytes, 0, this.#head, this.#tail);
    }
    this.#head = 0;
    this.#tail = have;
  }

  /** Bytes, with its header, of what is next, according to the peer. */
  #announced(): number {
    const at = this.#head + this.#lent;
    if (this.#tail - at < HEADER_BYTES) return HEADER_BYTES;
    const length = this.#view.getUint32(at, true);
    return length === BYE ? MAX_BYE_BYTES : HEADER_BYTES + (length % WITH_HANDLES);
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
