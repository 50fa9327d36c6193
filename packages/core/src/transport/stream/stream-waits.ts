import type { Deadline } from '../contract.js';
import { misuse } from '../ends.js';
import { Waiter } from '../waiter.js';
import { FAILED, HUNG_UP, READABLE, WRITABLE } from './contract.js';
import type { Wire } from './wire.js';

/** The stream can bring no more than what is in it. */
const GONE = HUNG_UP | FAILED;
const NEVER = Number.POSITIVE_INFINITY;
const yes = Promise.resolve(true);
const no = Promise.resolve(false);

/** What the waits ask of their link. */
export interface WaitingLink {
  /** There is a message or the end; which it is, is made known. */
  isReadable(): boolean;
  isWritable(bytes: number): boolean;
  /** Nothing more can be sent. */
  isMute(): boolean;
}

/** All the waiting of a link over a byte stream: blocking, and on the event loop. */
export class StreamWaits {
  readonly #wire: Wire;
  readonly #link: WaitingLink;
  readonly #reading = new Waiter(() => this.update());
  readonly #writing = new Waiter(() => this.update());
  /** Bytes for which `#writing` waits for room. */
  #wanted = 0;
  #keepAlive = true;

  constructor(wire: Wire, link: WaitingLink) {
    this.#wire = wire;
    this.#link = link;
  }

  waitReadable(deadline: Deadline): boolean {
    const wire = this.#wire;
    wire.mustBlock();
    wire.push();
    while (!this.#link.isReadable()) {
      if (!wire.outbox.pending) {
        if (wire.waitFill(deadline)) continue;
        return false;
      }
      const events = wire.wait(READABLE | WRITABLE, deadline);
      if (events === 0) return false;
      if ((events & WRITABLE) !== 0) wire.push();
      if ((events & ~WRITABLE) !== 0 && !wire.fill() && (events & GONE) !== 0) wire.lose(undefined);
    }
    this.settleReading();
    return true;
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    this.#wire.mustBlock();
    if (!this.#link.isWritable(bytes)) this.#wire.push();
    while (!this.#link.isWritable(bytes)) if (!this.#waitForRoom(deadline)) return false;
    return true;
  }

  /** Until the receiver has taken all that was written. */
  waitTaken(deadline: Deadline): boolean {
    this.#wire.push();
    while (this.#wire.outbox.pending) if (this.#link.isMute() || !this.#waitForRoom(deadline)) return false;
    return !this.#link.isMute() && this.#wire.waitTaken(deadline);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.waiting) return Promise.reject(misuse('whenReadable: somebody waits already'));
    this.#wire.flush();
    if (this.#link.isReadable()) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) {
      this.#wire.fill();
      return this.#link.isReadable() ? yes : no;
    }
    this.#wire.also(READABLE);
    const promise = this.#reading.start(deadline, signal);
    this.update();
    return promise;
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#writing.waiting) return Promise.reject(misuse('whenWritable: somebody waits already'));
    if (!this.#link.isWritable(bytes)) this.#wire.push();
    if (this.#link.isWritable(bytes)) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return no;
    this.#wanted = bytes;
    return this.whenWritten(deadline, signal);
  }

  /** Until `settleWriting`, or no when the deadline passed first. */
  whenWritten(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    const promise = this.#writing.start(deadline, signal);
    this.update();
    return promise;
  }

  /** Somebody waits on the event loop for something to receive. */
  get waiting(): boolean {
    return this.#reading.waiting;
  }

  /** If there is room for what the wait is for. */
  settleWritable(): void {
    if (this.#writing.waiting && this.#link.isWritable(this.#wanted)) this.#writing.settle(true);
  }

  /** If there is something to receive. */
  settleReadable(): void {
    if (this.#reading.waiting && this.#link.isReadable()) this.#reading.settle(true);
  }

  settleReading(): void {
    this.#reading.settle(true);
  }

  settleWriting(): void {
    this.#writing.settle(true);
  }

  /** Ends all waits. */
  settle(): void {
    this.#reading.settle(true);
    this.#writing.settle(true);
  }

  keepAlive(alive: boolean): void {
    this.#keepAlive = alive;
    this.#reading.keepAlive(alive);
    this.#writing.keepAlive(alive);
    this.update();
  }

  /** The event loop is kept alive by pending waits, and by what is still to be written. */
  update(): void {
    this.#wire.keepAlive(this.#keepAlive && (this.waiting || this.#writing.waiting || this.#wire.full));
  }

  /** Then writes what there is room for, or takes what a peer that has gone sent before. False when the deadline passed first. */
  #waitForRoom(deadline: Deadline): boolean {
    const events = this.#wire.wait(WRITABLE | HUNG_UP, deadline);
    if (events === 0) return false;
    if ((events & GONE) !== 0) this.#wire.readToEnd(undefined);
    else this.#wire.push();
    return true;
  }
}
