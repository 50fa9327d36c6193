import type { Handle, Span } from '../../transport/contract.js';
import { NO_HANDLES, ownDescriptor } from '../../transport/handle.js';
import { RELAY_HEAD_BYTES, RelayOp } from './head.js';
import type { Aside } from './relay.js';

/**
 * What came from the other end, as it is read: one object per end, overwritten by each message. As a span it is the
 * message of a client, or for one, without its head.
 */
export class Incoming implements Span {
  op = 0;
  flags = 0;
  number = 0;
  done = 0;
  came = 0;
  bytes: Buffer = NOTHING;
  view: DataView = new DataView(NOTHING.buffer);
  start = 0;
  end = 0;
  /** Where what the message refers to is, in `bytes`, and how much of it there is. */
  copiedAt = 0;
  copied = 0;
  #descriptors = 0;
  readonly #aside: Aside;

  constructor(aside: Aside) {
    this.#aside = aside;
  }

  read({ bytes, view, start, end }: Span): void {
    const first = view.getUint32(start, true);
    this.op = first & 0xff;
    this.flags = (first >>> 8) & 0xff;
    this.#descriptors = first >>> 16;
    this.number = view.getUint32(start + 4, true);
    this.done = view.getUint32(start + 8, true);
    this.copied = view.getUint32(start + 12, true);
    this.came = view.getFloat64(start + 16, true);
    this.bytes = bytes;
    this.view = view;
    this.start = start + RELAY_HEAD_BYTES;
    if (this.op === RelayOp.ASIDE) {
      const length = view.getUint32(this.start, true);
      const memory = this.#aside.take();
      this.op = RelayOp.MESSAGE;
      this.bytes = Buffer.from(memory, 0, length);
      this.view = new DataView(memory);
      this.start = 0;
      end = length;
    }
    this.copiedAt = end - this.copied;
    this.end = this.copiedAt - 4 * this.#descriptors;
  }

  /** The descriptors that came with it; the caller's from now on, so that a second call gives none. */
  takeHandles(): readonly Handle[] {
    const count = this.#descriptors;
    if (count === 0) return NO_HANDLES;
    this.#descriptors = 0;
    return Array.from({ length: count }, (_, i) => ownDescriptor(this.view.getUint32(this.end + 4 * i, true)));
  }
}

const NOTHING = Buffer.alloc(0);
