import type { RpcError } from '@callgate/core/errors';
import {
  abortedHere,
  cannotSend,
  checkHandles,
  closedHere,
  type Deadline,
  type Direction,
  describePeer,
  type Handle,
  type Link,
  type LinkEnd,
  misuse,
  NO_HANDLES,
  type Peer,
  type Span,
  tooLarge,
  Waiter,
} from '@callgate/core/transport';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { CLOSE_MS, Farewell } from './farewell.js';
import { Inbox } from './inbox.js';
import type { Outbox } from './outbox.js';
import { FIRST_PAUSE_MS, Sender } from './sender.js';

const yes = Promise.resolve(true);
const no = Promise.resolve(false);
const NEVER = Number.POSITIVE_INFINITY;

/** What both ends of a link over queues have in common: one message on its way out, received ones, waits, and the end. */
export abstract class MqLink implements Link {
  readonly direction: Direction;
  readonly peer: Peer;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  end: LinkEnd | undefined;
  #settleClosed!: (end: LinkEnd) => void;
  protected readonly onPeerKnown: () => void;
  /** Settles when everything has been let go. */
  #released: Promise<void> | undefined;
  protected readonly inbox = new Inbox();
  protected readonly outbox: Outbox;
  /** No more can come than what has come, and this is why. */
  protected fate: LinkEnd | undefined;
  protected readonly reading = new Waiter(() => this.updateRef());
  protected readonly writing = new Waiter(() => this.updateRef());
  protected keepAlive = true;
  protected closing = false;
  /** Something else than a message has come that whoever waits should hear of. */
  protected news = false;
  readonly #sender: Sender;
  readonly #farewell: Farewell;

  /** `onPeerKnown`: fills in what of `peer` is not known yet. */
  constructor(
    native: NativeAddon,
    direction: Direction,
    peer: Peer,
    maxMessageBytes: number,
    outbox: Outbox,
    onPeerKnown: () => void = () => undefined,
  ) {
    this.direction = direction;
    this.peer = peer;
    this.onPeerKnown = onPeerKnown;
    this.maxMessageBytes = maxMessageBytes;
    this.outbox = outbox;
    this.#sender = new Sender(native, outbox, {
      transmit: (type, bytes, start, end) => this.transmit(type, bytes, start, end),
      queue: () => this.destination,
      boxed: () => this.boxed,
      failed: (error) => this.failed(error),
      ended: () => this.end !== undefined,
      checkLife: () => this.checkLife(),
      sent: () => {
        this.#hearOfEnd();
        this.writing.settle(true);
      },
      closing: () => (this.closing ? () => this.#goOnClosing() : undefined),
    });
    this.#farewell = new Farewell({
      ended: () => this.end !== undefined,
      drain: () => {
        while (this.pull() && this.end === undefined) this.inbox.clear();
      },
      send: () => !outbox.pending || this.#sender.trySend(),
      sayBye: () => this.sayBye(),
      failed: (error) => {
        this.#sender.drop();
        this.failed(error);
      },
      finish: (orderly) => {
        const error = closedHere();
        if (!orderly) this.sayAbort(undefined);
        this.finish({ by: 'local', orderly, error });
      },
    });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  // --- what the two ends do differently ---
  /** Sends a part of the message in the outbox to where it goes; false when there is no room. Throws a system error. */
  protected abstract transmit(type: number, bytes: Buffer, start: number, end: number): boolean;
  /** The one queue to which the message in the outbox goes; undefined when there are several, or none. */
  protected abstract get destination(): MessageQueueHandle | undefined;
  /**
   * Who asks has no answer yet when he has just sent something: to look would be a system call for nothing. Who answers
   * may well find the next question: on one processor, sending wakes the caller, who asks again before this side goes on.
   */
  protected abstract readonly asks: boolean;
  /** Seals the claim, and says where the message goes; false when there is no such claim. */
  protected abstract address(length: number): boolean;
  protected abstract get boxed(): boolean;
  /** Looks for what has come, without waiting: true when something was there. */
  protected abstract pull(): boolean;
  /** Blocks until something may have come. */
  protected abstract sleep(deadline: Deadline): void;
  /** Somebody waits on the event loop for something to come. */
  protected abstract arm(): void;
  /** Whether the wait on the event loop keeps the process alive. */
  protected abstract hold(alive: boolean): void;
  /** Tells the peer that nothing follows; false when there is no room to say so. */
  protected abstract sayBye(): boolean;
  /** Tells the peer, as far as he takes it at once, that the link was dropped. */
  protected abstract sayAbort(error: RpcError | undefined): void;
  /** A system error of sending. */
  protected abstract failed(error: unknown): void;
  /** The peer may have died without anybody being told. */
  protected abstract checkLife(): void;
  /** Lets go of everything. */
  protected abstract letGo(): Promise<void> | undefined;

  get ended(): boolean {
    return this.end !== undefined || this.closing;
  }

  claim(bytes: number): Span | null {
    if (this.direction === 'receive') throw cannotSend(describePeer(this.peer));
    if (this.#mute) throw this.#lastWord();
    if (!(bytes >= 0 && bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    if (this.outbox.claimed) throw misuse('claim: the last claim is still open');
    if (!this.push()) return null;
    if (this.#mute) throw this.#lastWord();
    return this.outbox.claim(bytes);
  }

  commit(length: number, handles?: readonly Handle[]): void {
    if (handles !== undefined) checkHandles(handles, 0, describePeer(this.peer));
    if (this.#mute) throw this.#lastWord();
    if (!this.address(length)) throw misuse(`commit: there is no claim of ${length} bytes`);
  }

  abandon(): void {
    this.outbox.abandon();
  }

  flush(): void {
    this.push();
  }

  receive(): Span | null {
    this.news = false;
    if (this.ended) return null;
    if (this.inbox.lent) throw misuse('receive: the last message is not released');
    if (this.outbox.pending) this.push();
    const look = !(this.#sender.justSent && this.asks);
    this.#sender.justSent = false;
    while (look && this.inbox.length === 0 && this.end === undefined && this.pull()) {
      // What came may have been no message.
    }
    if (this.inbox.length === 0) {
      this.look();
      return null;
    }
    if (this.reading.waiting) this.reading.settle(true);
    return this.inbox.lend();
  }

  release(): void {
    this.inbox.release();
    if (this.fate !== undefined) this.look();
  }

  takeHandles(): readonly Handle[] {
    return NO_HANDLES;
  }

  pollReadable(): boolean {
    return false;
  }

  waitReadable(deadline: Deadline): boolean {
    this.push();
    let pause = FIRST_PAUSE_MS;
    while (!this.readable) {
      const late = deadline !== NEVER && performance.now() >= deadline;
      // While something is still to be sent, both ways are to be looked after.
      const sent = this.push();
      if ((late || !sent) && this.pull()) continue;
      if (this.readable) break;
      if (late) return false;
      if (sent) this.sleep(deadline);
      else pause = this.#sender.pause(pause, deadline);
    }
    this.reading.settle(true);
    return true;
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    let pause = FIRST_PAUSE_MS;
    while (!this.writable(bytes)) {
      if (performance.now() >= deadline) return false;
      pause = this.#sender.pause(pause, deadline);
      if (this.push()) this.#hearOfEnd();
    }
    return true;
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.reading.waiting) return Promise.reject(misuse('whenReadable: somebody waits already'));
    this.push();
    if (deadline !== NEVER) {
      while (!this.readable && this.pull()) {
        // As in receive.
      }
    }
    if (this.readable) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return no;
    const promise = this.reading.start(deadline, signal);
    this.arm();
    this.updateRef();
    return promise;
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.writing.waiting) return Promise.reject(misuse('whenWritable: somebody waits already'));
    if (this.writable(bytes)) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return no;
    const promise = this.writing.start(deadline, signal);
    this.updateRef();
    return promise;
  }

  ref(): void {
    this.#setKeepAlive(true);
  }

  unref(): void {
    this.#setKeepAlive(false);
  }

  /** The deadline of the first call counts. @param deadline default: in 2 s */
  close(deadline: Deadline = performance.now() + CLOSE_MS): Promise<void> {
    if (!this.ended) {
      this.#beginClose(deadline);
      this.#goOnClosing();
    }
    return this.closed.then(() => this.#released);
  }

  closeSync(deadline: Deadline = performance.now() + CLOSE_MS): void {
    if (this.end !== undefined) return;
    if (!this.closing) this.#beginClose(deadline);
    this.#farewell.deadline = Math.min(deadline, this.#farewell.deadline);
    let pause = FIRST_PAUSE_MS;
    while (!this.#farewell.step()) pause = this.#sender.pause(pause, this.#farewell.deadline);
  }

  abort(error?: RpcError): void {
    if (this.end !== undefined) return;
    if (this.fate === undefined) this.sayAbort(undefined);
    this.finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  /** Nothing more will come. What has come before can still be received. */
  protected lose(fate: LinkEnd): void {
    if (this.fate !== undefined || this.end !== undefined) return;
    this.fate = fate;
    this.#sender.drop();
    this.writing.settle(true);
    if (this.closing) this.finish(fate);
    else this.look();
  }

  /** Makes the end known, once everything has been received. */
  protected look(): void {
    if (this.fate === undefined || this.end !== undefined) return;
    while (this.inbox.length === 0 && this.pull()) {
      // Messages that were in the queue before the end.
    }
    if (this.inbox.length === 0 && !this.inbox.lent) this.finish(this.fate);
    else if (this.inbox.length > 0) this.reading.settle(true);
  }

  protected finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#sender.close();
    this.inbox.clear();
    this.#released = this.letGo();
    this.#settleClosed(end);
    this.reading.settle(true);
    this.writing.settle(true);
  }

  protected get readable(): boolean {
    return this.ended || this.news || this.inbox.length > 0;
  }

  protected writable(bytes: number): boolean {
    return this.#mute || bytes > this.maxMessageBytes || this.push();
  }

  /** Sends what is committed. False when not all of it found room. */
  protected push(): boolean {
    return this.#sender.push();
  }

  /** See Sender.pause. */
  protected pause(ms: number, deadline: Deadline): number {
    return this.#sender.pause(ms, deadline);
  }

  protected updateRef(): void {
    if (this.end !== undefined) return;
    this.hold(this.keepAlive && this.reading.waiting);
  }

  /** Nothing more can be sent. */
  get #mute(): boolean {
    return this.fate !== undefined || this.ended;
  }

  #lastWord(): RpcError {
    return (this.end ?? this.fate)?.error ?? closedHere();
  }

  /** That there is room now may be because the peer has let go: what he said of it came before. */
  #hearOfEnd(): void {
    while (this.inbox.length === 0 && this.end === undefined && this.pull()) {
      // As in receive.
    }
    // Whoever waits for a message would not hear of one that came just now.
    if (this.readable) this.reading.settle(true);
  }

  #beginClose(deadline: Deadline): void {
    this.#farewell.deadline = deadline;
    if (this.outbox.claimed) this.outbox.abandon();
    this.closing = true;
    this.inbox.clear();
    this.#sender.stopTimer();
    this.reading.settle(true);
    this.writing.settle(true);
    if (this.fate !== undefined) this.finish(this.fate);
  }

  #goOnClosing(): void {
    if (!this.#farewell.step()) this.#sender.later(this.#farewell.leftMs);
  }

  #setKeepAlive(keepAlive: boolean): void {
    this.keepAlive = keepAlive;
    this.reading.keepAlive(keepAlive);
    this.writing.keepAlive(keepAlive);
    this.#sender.keepAlive(keepAlive);
    this.updateRef();
  }
}
