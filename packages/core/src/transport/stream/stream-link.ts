import type { RpcError } from '../../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../contract.js';
import { abortedHere, cannotSend, checkHandles, misuse, peerClosed, tooLarge } from '../ends.js';
import { Waiter } from '../waiter.js';
import { type ByteStream, FAILED, type HandleCourier, HUNG_UP, READABLE, WRITABLE } from './contract.js';
import { Farewell } from './farewell.js';
import { GOODBYE, type Head, INCOMPLETE, type Inbox, MESSAGE } from './inbox.js';
import { MOST_HANDLES } from './layout.js';
import { BATCH_BYTES, CLOSE_MS, type StreamLinkOptions } from './options.js';
import type { Outbox } from './outbox.js';
import { Wire } from './wire.js';

/** The stream can bring no more than what is in it. */
const GONE = HUNG_UP | FAILED;
const NEVER = Number.POSITIVE_INFINITY;
const yes = Promise.resolve(true);
const no = Promise.resolve(false);

/** A link over a byte stream, which it owns. Greetings have been exchanged. */
export class StreamLink implements Link {
  readonly peer: Peer;
  readonly direction: Direction;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  end: LinkEnd | undefined;
  #settleClosed!: (end: LinkEnd) => void;
  readonly #wire: Wire;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #reading = new Waiter(() => this.#updateRef());
  readonly #writing = new Waiter(() => this.#updateRef());
  /** Where the stream can tell. */
  waitTaken?: (deadline: Deadline) => boolean;
  /** Bytes for which `#writing` waits for room. */
  #wanted = 0;
  #keepAlive = true;
  /** Handles that can travel with one message. */
  readonly #mostHandles: number;
  /** Set when this side has begun to close. */
  #farewell: Farewell | undefined;

  /** `courier`: the stream's, when both sides take handles. */
  constructor(stream: ByteStream, options: StreamLinkOptions, courier?: HandleCourier) {
    this.peer = stream.peer;
    this.direction = options.direction ?? 'duplex';
    if (this.direction === 'send' && stream.waitTaken !== undefined) {
      this.waitTaken = (deadline) => this.#waitTaken(deadline);
    }
    this.#mostHandles = courier === undefined ? 0 : MOST_HANDLES;
    this.maxMessageBytes = options.maxMessageBytes;
    const batchBytes = options.batchBytes ?? BATCH_BYTES;
    const hooks = { onLost: (fate: LinkEnd) => this.#onLost(fate), onFull: () => this.#updateRef() };
    this.#wire = new Wire(stream, options.maxMessageBytes, batchBytes, hooks, courier);
    this.#inbox = this.#wire.inbox;
    this.#outbox = this.#wire.outbox;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    stream.onEvents = (events) => this.#onEvents(events);
    this.#wire.watch(HUNG_UP);
  }

  get ended(): boolean {
    return this.end !== undefined || this.#farewell !== undefined;
  }

  claim(bytes: number): Span | null {
    if (this.#mute) throw this.#lastWord();
    if (this.direction === 'receive') throw cannotSend(this.#wire.who);
    if (!(bytes >= 0 && bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    if (this.#outbox.claimed) throw misuse('claim: the last claim is still open');
    if (!this.#outbox.fits(bytes)) {
      this.#wire.push();
      if (this.#mute) throw this.#lastWord();
      if (!this.#outbox.fits(bytes)) return null;
    }
    return this.#outbox.claim(bytes);
  }

  commit(length: number, handles?: readonly Handle[]): void {
    if (this.#mute) throw this.#lastWord();
    if (handles !== undefined) checkHandles(handles, this.#mostHandles, this.#wire.who);
    if (!this.#outbox.commit(length, handles)) throw misuse(`commit: there is no claim of ${length} bytes`);
  }

  abandon(): void {
    this.#outbox.abandon();
  }

  flush(): void {
    // While the stream is known to be full, the event loop or the next wait takes care of it.
    if (!this.#wire.full) this.#wire.push();
  }

  receive(): Span | null {
    if (this.ended) return null;
    if (this.#inbox.lent) throw misuse('receive: the last message is not released');
    for (;;) {
      const head = this.#look();
      if (head === MESSAGE) {
        // Whoever waits besides, on the event loop, would not hear of what came with this message.
        if (this.#reading.waiting) this.#reading.settle(true);
        return this.#inbox.lend();
      }
      if (head === GOODBYE) return null;
      if (this.#wire.fresh) {
        this.#wire.fresh = false;
        return null;
      }
      if (!this.#wire.fill()) return null;
    }
  }

  release(): void {
    this.#inbox.release();
    // Was it the last one, the end has come.
    if (this.#wire.fate !== undefined) this.#look();
  }

  takeHandles(): readonly Handle[] {
    return this.#inbox.takeHandles();
  }

  pollReadable(): boolean {
    return false;
  }

  waitReadable(deadline: Deadline): boolean {
    this.#wire.mustBlock();
    this.#wire.push();
    while (!this.#readable) {
      if (!this.#outbox.pending) {
        if (this.#wire.waitFill(deadline)) continue;
        return false;
      }
      const events = this.#wire.wait(READABLE | WRITABLE, deadline);
      if (events === 0) return false;
      if ((events & WRITABLE) !== 0) this.#wire.push();
      if ((events & ~WRITABLE) !== 0 && !this.#wire.fill() && (events & GONE) !== 0) this.#wire.lose(undefined);
    }
    this.#reading.settle(true);
    return true;
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    this.#wire.mustBlock();
    if (!this.#writable(bytes)) this.#wire.push();
    while (!this.#writable(bytes)) {
      const events = this.#wire.wait(WRITABLE | HUNG_UP, deadline);
      if (events === 0) return false;
      if ((events & GONE) !== 0) this.#wire.readToEnd(undefined);
      else this.#wire.push();
    }
    return true;
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#reading.waiting) return Promise.reject(misuse('whenReadable: somebody waits already'));
    this.flush();
    if (this.#readable) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) {
      this.#wire.fill();
      return this.#readable ? yes : no;
    }
    this.#wire.also(READABLE);
    const promise = this.#reading.start(deadline, signal);
    this.#updateRef();
    return promise;
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#writing.waiting) return Promise.reject(misuse('whenWritable: somebody waits already'));
    if (!this.#writable(bytes)) this.#wire.push();
    if (this.#writable(bytes)) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return no;
    this.#wanted = bytes;
    const promise = this.#writing.start(deadline, signal);
    this.#updateRef();
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
      const farewell = this.#beginClose();
      if (this.end === undefined) {
        this.#wire.watch(READABLE | WRITABLE);
        void this.#writing.start(deadline, undefined).then((done) => done || farewell.giveUp());
        this.#updateRef();
      }
    }
    return this.closed.then(() => this.#farewell?.lingering);
  }

  closeSync(deadline: Deadline = performance.now() + CLOSE_MS): void {
    this.#wire.mustBlock();
    if (this.end !== undefined) return;
    const farewell = this.#farewell ?? this.#beginClose();
    while (this.end === undefined) {
      const events = this.#wire.wait(READABLE | WRITABLE, deadline);
      if (events === 0) farewell.giveUp();
      else farewell.go(events);
    }
    if (farewell.lingering !== undefined) this.#wire.waitWritten(deadline);
  }

  abort(error?: RpcError): void {
    this.#finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  #waitTaken(deadline: Deadline): boolean {
    this.#wire.push();
    while (this.#outbox.pending) {
      const events = this.#mute ? 0 : this.#wire.wait(WRITABLE | HUNG_UP, deadline);
      if (events === 0) return false;
      if ((events & GONE) !== 0) this.#wire.readToEnd(undefined);
      else this.#wire.push();
    }
    return !this.#mute && this.#wire.waitTaken(deadline);
  }

  /** Nothing more can be sent. */
  get #mute(): boolean {
    return this.#wire.fate !== undefined || this.ended;
  }

  #lastWord(): RpcError {
    return (this.end ?? this.#wire.fate ?? this.#farewell!).error;
  }

  /** There is a message or the end. */
  get #readable(): boolean {
    return this.ended || this.#look() !== INCOMPLETE;
  }

  #writable(bytes: number): boolean {
    return this.#mute || bytes > this.maxMessageBytes || this.#outbox.fits(bytes);
  }

  /** What is next; the end, once it is that, is made known. */
  #look(): Head {
    try {
      const head = this.#inbox.look();
      if (head === GOODBYE) this.#finish(peerClosed(this.#wire.who, this.#inbox.goodbye()));
      else if (head === MESSAGE || this.#wire.fate === undefined) return head;
      else this.#finish(this.#wire.fate);
    } catch (broken) {
      const error = broken as RpcError;
      this.#wire.tell(error);
      this.#finish(this.#wire.fate ?? { by: 'fault', orderly: false, error });
    }
    return GOODBYE;
  }

  #onLost(fate: LinkEnd): void {
    this.#writing.settle(true);
    if (this.#farewell !== undefined) this.#finish(fate);
    else if (this.#readable) this.#reading.settle(true);
  }

  #onEvents(events: number): void {
    if (this.#wire.released) return;
    if (this.#farewell !== undefined) {
      this.#farewell.go(events);
      return;
    }
    if ((events & WRITABLE) !== 0) {
      this.#wire.push();
      if (this.#writing.waiting && this.#writable(this.#wanted)) this.#writing.settle(true);
    }
    if ((events & GONE) !== 0) {
      this.#wire.readToEnd(undefined);
    } else if ((events & READABLE) !== 0) {
      // Left unread, it would be reported again and again.
      if (!this.#reading.waiting) {
        this.#wire.not(READABLE);
        return;
      }
      let more = true;
      while (more) more = this.#wire.fill() && this.#inbox.more && this.#look() === INCOMPLETE;
    }
    if (this.#reading.waiting && this.#readable) this.#reading.settle(true);
  }

  #beginClose(): Farewell {
    const farewell = new Farewell(
      this.#wire,
      () => this.#look(),
      (end) => this.#finish(end),
    );
    this.#farewell = farewell;
    this.#reading.settle(true);
    this.#writing.settle(true);
    farewell.begin();
    return farewell;
  }

  #finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#wire.release();
    this.#inbox.dropHandles();
    this.#settleClosed(end);
    this.#reading.settle(true);
    this.#writing.settle(true);
  }

  #setKeepAlive(keepAlive: boolean): void {
    this.#keepAlive = keepAlive;
    this.#reading.keepAlive(keepAlive);
    this.#writing.keepAlive(keepAlive);
    this.#updateRef();
  }

  /** The event loop is kept alive by pending waits, and by what is still to be written. */
  #updateRef(): void {
    this.#wire.keepAlive(this.#keepAlive && (this.#reading.waiting || this.#writing.waiting || this.#wire.full));
  }
}
