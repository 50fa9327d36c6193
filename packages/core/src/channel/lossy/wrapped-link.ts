import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../../transport/contract.js';
import { checkHandles, describePeer, tooLarge } from '../../transport/ends.js';
import { HEAD_BYTES } from './head.js';

export interface MutableSpan extends Span {
  bytes: Buffer;
  view: DataView;
  start: number;
  end: number;
}

/** A lossy link as its channel sees it: without the head that each message has, and without what need not be seen. */
export abstract class WrappedLink implements Link {
  protected readonly inner: Link;
  readonly maxMessageBytes: number;
  readonly #claimed: MutableSpan = emptySpan();
  protected readonly shown: MutableSpan = emptySpan();

  constructor(inner: Link) {
    this.inner = inner;
    this.maxMessageBytes = inner.maxMessageBytes - HEAD_BYTES;
  }

  /** Writes the head of what is about to be committed: it is in front of `span`, of which `length` bytes are. */
  protected abstract sending(span: Span, length: number): void;
  /** Whether a message that came is for the channel to see. */
  protected abstract take(span: Span): boolean;

  claim(bytes: number): Span | null {
    if (!(bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    const span = this.inner.claim(bytes + HEAD_BYTES);
    if (span === null) return null;
    return show(this.#claimed, span.bytes, span.view, span.start + HEAD_BYTES, span.end);
  }

  commit(length: number, handles?: readonly Handle[]): void {
    checkHandles(handles, 0, describePeer(this.inner.peer));
    this.sending(this.#claimed, length);
    this.inner.commit(length + HEAD_BYTES);
  }

  takeHandles(): readonly Handle[] {
    return this.inner.takeHandles();
  }

  abandon(): void {
    this.inner.abandon();
  }

  flush(): void {
    this.inner.flush();
  }

  receive(): Span | null {
    for (;;) {
      const span = this.inner.receive();
      if (span === null) return null;
      if (this.take(span)) return show(this.shown, span.bytes, span.view, span.start + HEAD_BYTES, span.end);
      this.inner.release();
    }
  }

  release(): void {
    this.inner.release();
  }

  /** Sends bytes that have their head already; false when the link has no room or has ended. */
  protected trySend(bytes: Buffer, length: number): boolean {
    try {
      const span = this.inner.claim(length);
      if (span === null) return false;
      bytes.copy(span.bytes, span.start, 0, length);
      this.inner.commit(length);
      return true;
    } catch {
      return false;
    }
  }

  get peer(): Peer {
    return this.inner.peer;
  }

  get direction(): Direction {
    return this.inner.direction;
  }

  get ended(): boolean {
    return this.inner.ended;
  }

  get end(): LinkEnd | undefined {
    return this.inner.end;
  }

  get closed(): Promise<LinkEnd> {
    return this.inner.closed;
  }

  pollReadable(): boolean {
    return this.inner.pollReadable();
  }

  waitReadable(deadline: Deadline): boolean {
    return this.inner.waitReadable(deadline);
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    return this.inner.waitWritable(bytes + HEAD_BYTES, deadline);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.inner.whenReadable(deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.inner.whenWritable(bytes + HEAD_BYTES, deadline, signal);
  }

  ref(): void {
    this.inner.ref();
  }

  unref(): void {
    this.inner.unref();
  }

  close(deadline?: Deadline): Promise<void> {
    return this.inner.close(deadline);
  }

  closeSync(deadline?: Deadline): void {
    this.inner.closeSync(deadline);
  }

  abort(error?: Parameters<Link['abort']>[0]): void {
    this.inner.abort(error);
  }
}

function emptySpan(): MutableSpan {
  const bytes = Buffer.alloc(0);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, 0), start: 0, end: 0 };
}

function show(span: MutableSpan, bytes: Buffer, view: DataView, start: number, end: number): Span {
  span.bytes = bytes;
  span.view = view;
  span.start = start;
  span.end = end;
  return span;
}
