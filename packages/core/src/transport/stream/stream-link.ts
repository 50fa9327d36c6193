import type { RpcError } from '../../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../contract.js';
import { abortedHere, cannotSend, checkHandles, misuse, peerClosed, tooLarge } from '../ends.js';
import { type ByteStream, FAILED, type HandleCourier, HUNG_UP, READABLE, WRITABLE } from './contract.js';
import { Farewell } from './farewell.js';
import { GOODBYE, type Head, INCOMPLETE, type Inbox, MESSAGE } from './inbox.js';
import { MOST_HANDLES } from './layout.js';
import { BATCH_BYTES, CLOSE_MS, type StreamLinkOptions } from './options.js';
import type { Outbox } from './outbox.js';
import { StreamWaits } from './stream-waits.js';
import { Wire } from './wire.js';

/** The stream can bring no more than what is in it. */
const GONE = HUNG_UP | FAILED;

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
  readonly #waits: StreamWaits;
  /** Where the stream can tell. */
  waitTaken?: (deadline: Deadline) => boolean;
  /** Handles that can travel with one message. */
  readonly #mostHandles: number;
  /** Set when this side has begun to close. */
  #farewell: Farewell | undefined;

  /** `courier`: the stream's, when both sides take handles. */
  constructor(stream: ByteStream, options: StreamLinkOptions, courier?: HandleCourier) {
    this.peer = stream.peer;
    this.direction = options.direction ?? 'duplex';
    if (this.direction === 'send' && stream.waitTaken !== undefined) {
      this.waitTaken = (deadline) => this.#waits.waitTaken(deadline);
    }
    this.#mostHandles = courier === undefined ? 0 : MOST_HANDLES;
    this.maxMessageBytes = options.maxMessageBytes;
    const batchBytes = options.batchBytes ?? BATCH_BYTES;
    const hooks = { onLost: (fate: LinkEnd) => this.#onLost(fate), onFull: () => this.#waits.update() };
    this.#wire = new Wire(stream, options.maxMessageBytes, batchBytes, hooks, courier);
    this.#inbox = this.#wire.inbox;
    this.#outbox = this.#wire.outbox;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const asked = {
      isReadable: () => this.#readable,
      isWritable: (bytes: number) => this.#writable(bytes),
      isMute: () => this.#mute,
    };
    this.#waits = new StreamWaits(this.#wire, asked);
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
    this.#wire.flush();
  }

  receive(): Span | null {
    if (this.ended) return null;
    if (this.#inbox.lent) throw misuse('receive: the last message is not released');
    for (;;) {
      const head = this.#look();
      if (head === MESSAGE) {
        // Whoever waits besides, on the event loop, would not hear of what came with this message.
        this.#waits.settleReading();
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
    return this.#waits.waitReadable(deadline);
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    return this.#waits.waitWritable(bytes, deadline);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#waits.whenReadable(deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#waits.whenWritable(bytes, deadline, signal);
  }

  ref(): void {
    this.#waits.keepAlive(true);
  }

  unref(): void {
    this.#waits.keepAlive(false);
  }

  /** The deadline of the first call counts. @param deadline default: in 2 s */
  close(deadline: Deadline = performance.now() + CLOSE_MS): Promise<void> {
    if (!this.ended) {
      const farewell = this.#beginClose();
      if (this.end === undefined) {
        this.#wire.watch(READABLE | WRITABLE);
        void this.#waits.whenWritten(deadline).then((done) => done || farewell.giveUp());
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
    this.#waits.settleWriting();
    if (this.#farewell !== undefined) this.#finish(fate);
    else if (this.#readable) this.#waits.settleReading();
  }

  #onEvents(events: number): void {
    if (this.#wire.released) return;
    if (this.#farewell !== undefined) {
      this.#farewell.go(events);
      return;
    }
    if ((events & WRITABLE) !== 0) {
      this.#wire.push();
      this.#waits.settleWritable();
    }
    if ((events & GONE) !== 0) {
      this.#wire.readToEnd(undefined);
    } else if ((events & READABLE) !== 0) {
      // Left unread, it would be reported again and again.
      if (!this.#waits.waiting) {
        this.#wire.not(READABLE);
        return;
      }
      let more = true;
      while (more) more = this.#wire.fill() && this.#inbox.more && this.#look() === INCOMPLETE;
    }
    this.#waits.settleReadable();
  }

  #beginClose(): Farewell {
    const farewell = new Farewell(
      this.#wire,
      () => this.#look(),
      (end) => this.#finish(end),
    );
    this.#farewell = farewell;
    this.#waits.settle();
    farewell.begin();
    return farewell;
  }

  #finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#wire.release();
    this.#inbox.dropHandles();
    this.#settleClosed(end);
    this.#waits.settle();
  }
}
