import type { Deadline, Link, Span } from '../../transport/contract.js';
import { RELAY_HEAD_BYTES, RelayOp, writeRelayHead } from './head.js';

/** How messages travel that are too large for the link: moved, not copied, in the order of what is said of them there. */
export interface Aside {
  /** Gives the memory away. */
  post(memory: ArrayBuffer): void;
  /** The next one. It is there: what announces it was sent after it. */
  take(): ArrayBuffer;
}

/** Bytes of the largest message that goes over the link itself. */
export const MOST_RELAYED_BYTES = 256 * 1024;

/** What says that a message comes aside: its length is behind the head. */
const ASIDE_BYTES = RELAY_HEAD_BYTES + 4;

interface MutableSpan extends Span {
  bytes: Buffer;
  view: DataView;
  start: number;
  end: number;
}

/** The sending half of a link between front and worker, which many links share. One per end. */
export class Relay {
  readonly link: Link;
  readonly #aside: Aside;
  readonly #span: MutableSpan = { bytes: NOTHING, view: new DataView(NOTHING.buffer), start: 0, end: 0 };
  /** The claim is in memory of its own. */
  #beside: Buffer | undefined;
  /** Handlers that are done, to be told with the next message: of the worker's end. */
  done = 0;
  readonly #waiting = new Set<() => void>();
  #pumping = false;

  constructor(link: Link, aside: Aside) {
    this.link = link;
    this.#aside = aside;
  }

  /** Room for a message and what stands behind it; null when there is none now. One at a time. */
  claim(bytes: number): Span | null {
    const span = this.#span;
    if (bytes > MOST_RELAYED_BYTES) {
      // What announces it needs room, too.
      if (this.link.claim(ASIDE_BYTES) === null) return null;
      this.link.abandon();
      const memory = Buffer.allocUnsafeSlow(bytes);
      this.#beside = memory;
      span.bytes = memory;
      span.view = new DataView(memory.buffer);
      span.start = 0;
      span.end = bytes;
      return span;
    }
    const room = this.link.claim(RELAY_HEAD_BYTES + bytes);
    if (room === null) return null;
    span.bytes = room.bytes;
    span.view = room.view;
    span.start = room.start + RELAY_HEAD_BYTES;
    span.end = span.start + bytes;
    return span;
  }

  /** What `claim` gave last. */
  get claimed(): Span {
    return this.#span;
  }

  /** Sends the first `length` bytes of the claim; what they are is as the layout says. */
  commit(number: number, flags: number, length: number, descriptors = 0, came = 0, copied = 0): void {
    const beside = this.#beside;
    if (beside === undefined) {
      const { view, start } = this.#span;
      this.#head(view, start - RELAY_HEAD_BYTES, RelayOp.MESSAGE, flags, number, descriptors, came, copied);
      this.link.commit(RELAY_HEAD_BYTES + length);
      return;
    }
    this.#beside = undefined;
    const room = this.link.claim(ASIDE_BYTES)!;
    this.#head(room.view, room.start, RelayOp.ASIDE, flags, number, descriptors, came, copied);
    room.view.setUint32(room.start + RELAY_HEAD_BYTES, length, true);
    this.#aside.post(beside.buffer as ArrayBuffer);
    this.link.commit(ASIDE_BYTES);
  }

  abandon(): void {
    if (this.#beside === undefined) this.link.abandon();
    this.#beside = undefined;
  }

  /** Says something of a link, or of all. False when there is no room now. */
  tryTell(op: number, number = 0, words?: Uint8Array, flags = 0): boolean {
    const bytes = words?.length ?? 0;
    const span = this.link.claim(RELAY_HEAD_BYTES + bytes);
    if (span === null) return false;
    this.#head(span.view, span.start, op, flags, number, 0, 0, 0);
    if (words !== undefined) span.bytes.set(words, span.start + RELAY_HEAD_BYTES);
    this.link.commit(RELAY_HEAD_BYTES + bytes);
    return true;
  }

  /** The same, as soon as there is room. */
  async tell(op: number, number = 0, words?: Uint8Array, flags = 0): Promise<void> {
    while (this.link.end === undefined && !this.tryTell(op, number, words, flags)) {
      await this.whenRoom(words?.length ?? 0, Number.POSITIVE_INFINITY);
    }
  }

  /** Resolves when there may be room for so many bytes, or never will be (true), or the deadline has passed. */
  whenRoom(bytes: number, deadline: Deadline, signal?: AbortSignal, ended?: Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    let wake!: () => void;
    const room = new Promise<boolean>((resolve, reject) => {
      wake = () => resolve(true);
      if (deadline !== Number.POSITIVE_INFINITY)
        timer = setTimeout(() => resolve(false), Math.min(Math.max(0, deadline - performance.now()), 2 ** 31 - 1));
      onAbort = signal && (() => reject(signal.reason));
      if (onAbort !== undefined) signal?.addEventListener('abort', onAbort, { once: true });
      void ended?.then(wake);
    });
    this.#waiting.add(wake);
    if (!this.#pumping) void this.#pump(bytes);
    return room.finally(() => {
      this.#waiting.delete(wake);
      clearTimeout(timer);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    });
  }

  /** One wait of the link for all who wait: each looks again. */
  async #pump(bytes: number): Promise<void> {
    this.#pumping = true;
    try {
      const room = Math.min(bytes, MOST_RELAYED_BYTES) + RELAY_HEAD_BYTES;
      await this.link.whenWritable(Math.min(room, this.link.maxMessageBytes), Number.POSITIVE_INFINITY);
    } finally {
      this.#pumping = false;
      for (const wake of this.#waiting) wake();
    }
  }

  #head(
    view: DataView,
    at: number,
    op: number,
    flags: number,
    number: number,
    descriptors: number,
    came: number,
    copied: number,
  ): void {
    writeRelayHead(view, at, op, flags, number, descriptors);
    if (this.done !== 0) {
      view.setUint32(at + 8, this.done, true);
      this.done = 0;
    }
    if (copied !== 0) view.setUint32(at + 12, copied, true);
    if (came !== 0) view.setFloat64(at + 16, came, true);
  }
}

const NOTHING = Buffer.alloc(0);
