import { RpcError } from '@callgate/core/errors';
import {
  abortedHere,
  checkHandles,
  closedHere,
  type Deadline,
  describePeer,
  type Handle,
  type LinkEnd,
  misuse,
  NO_HANDLES,
  NOTIFICATION_BYTES,
  type NotificationLink,
  type Peer,
  PLACE_AT,
  type Span,
  tooLarge,
  VALUE_AT,
  Waiter,
} from '@callgate/core/transport';
import type { Watcher } from '@callgate/native';
import type { AnnouncedSignal } from './announcement.js';
import { isRealTime, type RealTimeRange } from './numbers.js';
import { Outgoing, type SendLinkParts } from './outgoing.js';

const READABLE = 1;
/** Milliseconds between two tries while the receiver has no room, or has not taken what was sent: nothing tells, so it doubles. */
const SHORTEST_PAUSE_MS = 0.02;
const LONGEST_PAUSE_MS = 16;

/** The sending end: one signal per message, to one process. Owns the descriptors. */
export class SendLink implements NotificationLink {
  readonly peer: Peer;
  readonly direction = 'send';
  readonly maxMessageBytes = NOTIFICATION_BYTES;
  readonly notifications: readonly AnnouncedSignal[];
  readonly closed: Promise<LinkEnd>;
  readonly #outgoing: Outgoing;
  readonly #range: RealTimeRange;
  readonly #span: Span;
  readonly #watcher: Watcher;
  readonly #readable = new Waiter(() => this.#keepAlive());
  readonly #writable = new Waiter(() => this.#keepAlive());
  #settleClosed!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #claimed = false;
  #closing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #alive = true;

  constructor(parts: SendLinkParts) {
    this.#outgoing = new Outgoing(parts, (end) => this.#finish(end));
    this.#range = parts.range;
    this.peer = parts.peer;
    this.notifications = parts.signals;
    const bytes = Buffer.alloc(NOTIFICATION_BYTES);
    this.#span = {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      start: 0,
      end: bytes.length,
    };
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#watcher = parts.addon.createWatcher(parts.process, () => this.#outgoing.died());
    this.#watcher.unref();
    this.#watcher.watch(READABLE);
  }

  get end(): LinkEnd | undefined {
    return this.#end;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  // --- sending ---

  claim(bytes: number): Span | null {
    if (this.#end !== undefined) throw this.#end.error;
    if (this.#closing !== undefined) throw closedHere();
    if (bytes > NOTIFICATION_BYTES) throw tooLarge(bytes, NOTIFICATION_BYTES);
    if (this.#claimed) throw misuse('one claim at a time: commit or abandon the last one first');
    // Whether somebody still receives is told by `commit`, which throws then: to look here as well would cost as much again.
    if (!this.#sendHeld()) return null;
    this.#claimed = true;
    return this.#span;
  }

  commit(length: number, handles?: readonly Handle[]): void {
    checkHandles(handles, 0, describePeer(this.peer));
    if (!this.#claimed) throw this.#end?.error ?? misuse('nothing is claimed');
    this.#claimed = false;
    const { view } = this.#span;
    const place = view.getUint32(PLACE_AT, true);
    const kind = this.notifications[place];
    if (length !== NOTIFICATION_BYTES || kind === undefined) {
      const words = `a notification has ${NOTIFICATION_BYTES} bytes, and a place below ${this.notifications.length}; found ${length} bytes and place ${place}`;
      throw new RpcError('INVALID_ARGUMENT', words);
    }
    // Real-time signals always bring a value: only then the kernel says when there is no room for one more.
    const value = isRealTime(kind.signal, this.#range) ? view.getUint32(VALUE_AT, true) : undefined;
    if (!this.#outgoing.send(kind.signal, value)) this.#retryIn(1);
  }

  abandon(): void {
    this.#claimed = false;
  }

  flush(): void {
    if (this.#end === undefined && this.#outgoing.holds) this.#trySendHeld();
  }

  #sendHeld(): boolean {
    if (!this.#outgoing.holds) return true;
    if (!this.#outgoing.sendHeld()) return false;
    clearTimeout(this.#retry);
    this.#writable.settle(true);
    return true;
  }

  /** As sendHeld; the end of the link is as good as room. */
  #trySendHeld(): boolean {
    try {
      return this.#sendHeld();
    } catch {
      return true;
    }
  }

  #retryIn(pauseMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#end === undefined && !this.#trySendHeld()) this.#retryIn(Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
    }, pauseMs);
    this.#keepAlive();
  }

  // --- receiving: nothing ever comes but the end ---

  receive(): null {
    return null;
  }

  release(): void {}

  takeHandles(): readonly Handle[] {
    return NO_HANDLES;
  }

  pollReadable(): boolean {
    return this.ended;
  }

  // --- waiting ---

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#when(this.#readable, deadline, signal);
  }

  whenWritable(_bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (this.#end === undefined && this.#trySendHeld()) return Promise.resolve(true);
    return this.#when(this.#writable, deadline, signal);
  }

  #when(waiter: Waiter, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.ended) return Promise.resolve(true);
    if (deadline <= performance.now()) return Promise.resolve(false);
    if (waiter.waiting) return Promise.reject(misuse('one wait at a time'));
    const waiting = waiter.start(deadline, signal);
    this.#keepAlive();
    return waiting;
  }

  waitReadable(deadline: Deadline): boolean {
    return this.#block(deadline, () => this.#outgoing.receives() && false);
  }

  waitWritable(_bytes: number, deadline: Deadline): boolean {
    return this.#block(deadline, () => this.#trySendHeld());
  }

  waitTaken(deadline: Deadline): boolean {
    return this.#block(deadline, () => this.#trySendHeld() && this.#outgoing.taken()) && this.#end === undefined;
  }

  /** Blocks until `done`, or until the link has ended: true; false at the deadline. Looks in growing pauses. */
  #block(deadline: Deadline, done: () => boolean): boolean {
    for (let pause = SHORTEST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      if (this.ended || done() || this.ended) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      this.#outgoing.pause(pause, left);
    }
  }

  ref(): void {
    this.#alive = true;
    this.#keepAlive();
  }

  unref(): void {
    this.#alive = false;
    this.#keepAlive();
  }

  #keepAlive(): void {
    if (this.#end !== undefined) return;
    const waiting = this.#readable.waiting || this.#writable.waiting;
    this.#readable.keepAlive(this.#alive);
    this.#writable.keepAlive(this.#alive);
    if (waiting && this.#alive) this.#watcher.ref();
    else this.#watcher.unref();
    if (this.#alive || this.#closing !== undefined) this.#retry?.ref();
    else this.#retry?.unref();
  }

  // --- ending ---

  close(deadline: Deadline = performance.now() + 2000): Promise<void> {
    this.#closing ??= this.#close(deadline);
    return this.#closing;
  }

  async #close(deadline: Deadline): Promise<void> {
    // The first look comes after `#closing` is set: no claim gets in between.
    await undefined;
    if (this.#end === undefined && !this.#trySendHeld()) {
      while (this.#writable.waiting) this.#writable.settle(true);
      await this.whenWritable(NOTIFICATION_BYTES, deadline);
    }
    this.#closeNow();
  }

  closeSync(deadline: Deadline = performance.now() + 2000): void {
    if (this.#end !== undefined) return;
    this.#closing ??= Promise.resolve();
    if (this.#outgoing.holds) this.waitWritable(NOTIFICATION_BYTES, deadline);
    this.#closeNow();
  }

  #closeNow(): void {
    this.#finish({ by: 'local', orderly: !this.#outgoing.holds, error: closedHere() });
  }

  abort(error?: RpcError): void {
    this.#finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#claimed = false;
    clearTimeout(this.#retry);
    this.#watcher.close();
    this.#outgoing.close();
    this.#readable.settle(true);
    this.#writable.settle(true);
    this.#settleClosed(end);
  }
}
