import { fromErrno, RpcError } from '../../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../contract.js';
import {
  abortedHere,
  cannotSend,
  checkHandles,
  closedHere,
  cutOff,
  describePeer,
  misuse,
  overLimit,
  peerClosed,
  tooLarge,
  violation,
} from '../ends.js';
import { closeAll, NO_HANDLES } from '../handle.js';
import type { RingBlocks } from './blocks.js';
import type { Doorbell } from './doorbell.js';
import { largestMessage, ringPlace, type Segment } from './layout.js';
import { RingReader } from './ring-reader.js';
import { ENDING, READABLE, RingWaits, TAKEN } from './ring-waits.js';
import { RingWriter } from './ring-writer.js';
import { Spinner, type WaitStrategy } from './spinner.js';
import { type MessageReader, type MessageWriter, RingCorrupt, RingOversize } from './ways.js';

export interface RingLinkOptions extends WaysLinkOptions {
  readonly segment: Segment;
  /** Which end this is; the connecting end writes ring 0. */
  readonly side: 'connector' | 'acceptor';
}

/** Of a link over two ways through memory, whatever they are. */
export interface WaysLinkOptions {
  readonly doorbell: Doorbell;
  readonly peer: Peer;
  /** Memory beside the ways that messages can refer to. */
  readonly blocks?: RingBlocks | undefined;
  /** A ring against the direction carries nothing but the end. @default 'duplex' */
  readonly direction?: Direction;
  readonly maxMessageBytes: number;
  /** How to wait; a number is a poll of always so many ms. */
  readonly strategy: WaitStrategy | number;
  /** What the memory is called in messages. @default 'ring' */
  readonly called?: string;
  /** Processors this process may use. */
  readonly processors: number;
}

/** Milliseconds that `close` gives a peer to make room for the end, unless told otherwise. */
const CLOSE_MS = 2000;

/** A link over two ways through memory that both ends see; the doorbell wakes, tells of death, and owns the memory. */
export class WaysLink implements Link {
  readonly peer: Peer;
  readonly direction: Direction;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  readonly blocks: RingBlocks | undefined;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #bell: Doorbell;
  readonly #spinner: Spinner;
  readonly #waits: RingWaits;
  readonly #called: string;
  #settleClosed!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;
  /** Bytes of the open claim, -1 for none. */
  #claimed = -1;
  /** A received message is not released yet. */
  #lent = false;
  /** What came with it. */
  #offered: readonly Handle[] = NO_HANDLES;
  /** The memory is gone: nothing of the segment may be touched. */
  #released = false;

  constructor(options: WaysLinkOptions, reader: MessageReader, writer: MessageWriter) {
    this.peer = options.peer;
    this.direction = options.direction ?? 'duplex';
    this.maxMessageBytes = options.maxMessageBytes;
    this.blocks = options.blocks;
    this.#writer = writer;
    this.#reader = reader;
    this.#called = options.called ?? 'ring';
    this.#bell = options.doorbell;
    this.#spinner = new Spinner(options.strategy, options.processors);
    this.#waits = new RingWaits(this.#reader, this.#writer, this.#bell, this.#spinner, () => this.#peerGone());
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get end(): LinkEnd | undefined {
    return this.#end;
  }

  get ended(): boolean {
    return this.#released || (this.#end !== undefined && (this.#reader.ended || !this.#reader.ready));
  }

  claim(bytes: number): Span | null {
    // A thread that only ever blocks hears of a death when it waits. What is sent to the dead would be lost, so whoever
    // is about to be woken is looked after first.
    if (this.#end === undefined && this.#writer.consumerSleeps && this.#bell.hungUp(true)) this.#peerGone();
    if (this.#end !== undefined || this.#closing !== undefined) throw this.#afterEnd();
    if (this.direction === 'receive') throw cannotSend(describePeer(this.peer));
    if (!(bytes >= 0 && bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    if (this.#claimed !== -1) throw misuse('claim: the last claim is still open');
    const span = this.#writer.claim(bytes);
    if (this.#writer.wakeOwed) this.#waits.payWakes();
    if (span !== null) this.#claimed = bytes;
    return span;
  }

  commit(length: number, handles?: readonly Handle[]): void {
    if (handles !== undefined) checkHandles(handles, this.#bell.beside?.most ?? 0, describePeer(this.peer));
    if (this.#end !== undefined || this.#closing !== undefined) throw this.#afterEnd();
    if (!(length >= 0 && length <= this.#claimed)) throw misuse(`commit: there is no claim of ${length} bytes`);
    const laden = handles !== undefined || this.blocks?.lending === true ? this.#sendBeside(handles ?? NO_HANDLES) : 0;
    this.#claimed = -1;
    if (this.#writer.commit(length, laden)) {
      this.#spinner.rang();
      this.#bell.ring();
    }
  }

  /** Before their message is published, so that whoever receives it finds them. What its record says of them. */
  #sendBeside(handles: readonly Handle[]): number {
    const departing = this.blocks?.departing ?? NO_HANDLES;
    let sent: boolean;
    try {
      sent = handles.length + departing.length === 0 || this.#bell.beside!.send([...handles, ...departing]);
    } catch (error) {
      throw fromErrno(error, `handles can't be sent to ${describePeer(this.peer)}`);
    }
    if (!sent) {
      const words = `handles can't be sent to ${describePeer(this.peer)}: it does not take those that were sent before`;
      throw new RpcError('RESOURCE_EXHAUSTED', words);
    }
    closeAll(handles);
    this.blocks?.committed();
    return handles.length | (departing.length << 16);
  }

  abandon(): void {
    this.#claimed = -1;
    this.blocks?.abandoned();
  }

  flush(): void {
    // A commit is visible to the peer at once.
  }

  receive(): Span | null {
    if (this.#released) return null;
    if (this.#lent) throw misuse('receive: the last message is not released');
    try {
      const span = this.#reader.receive();
      if (this.#reader.wakeOwed) this.#waits.payWakes();
      if (span !== null && this.direction === 'send')
        throw new RingCorrupt('a message against the direction of the link');
      if (span !== null) {
        this.#lent = true;
        if (this.#reader.handles > 0) this.#takeBeside(this.#reader.handles & 0xffff, this.#reader.handles >>> 16);
      } else if (this.#reader.ended || this.#end !== undefined) this.#drained();
      return span;
    } catch (error) {
      this.#lent = false;
      this.#fail(error);
      return null;
    }
  }

  #takeBeside(own: number, blocks: number): void {
    const count = own + blocks;
    try {
      const handles = this.#bell.beside?.take(count);
      if (handles !== undefined) {
        this.#offered = handles.slice(0, own);
        if (this.blocks !== undefined) this.blocks.arrived(handles.slice(own));
        else closeAll(handles.slice(own));
        return;
      }
    } catch (cause) {
      // Files of this process are at their limit, most likely: what the message came with is lost, and it with them.
      throw fromErrno(cause, `the handles that came with a message of ${describePeer(this.peer)} can't be received`);
    }
    throw new RingCorrupt(`a message announced ${count} handles, which did not come`);
  }

  release(): void {
    this.#lent = false;
    if (this.#offered !== NO_HANDLES) closeAll(this.takeHandles());
    this.blocks?.released();
    if (this.#released) return;
    // Where nothing goes back, a sender may wait to see its message taken.
    this.#reader.release(this.direction === 'receive');
    if (this.#reader.wakeOwed) this.#waits.payWakes();
  }

  takeHandles(): readonly Handle[] {
    const handles = this.#offered;
    this.#offered = NO_HANDLES;
    return handles;
  }

  pollReadable(): boolean {
    return this.#waits.pollBriefly(READABLE) || this.#waits.nap();
  }

  waitReadable(deadline: Deadline): boolean {
    return this.#waits.wait(READABLE, deadline);
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    return this.#waits.wait(bytes, deadline);
  }

  waitTaken(deadline: Deadline): boolean {
    this.#waits.wait(TAKEN, deadline);
    return !this.#released && this.#writer.allTaken;
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#waits.when(READABLE, deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#waits.when(bytes, deadline, signal);
  }

  ref(): void {
    this.#waits.keepAlive(true);
  }

  unref(): void {
    this.#waits.keepAlive(false);
  }

  close(deadline: Deadline = performance.now() + CLOSE_MS): Promise<void> {
    if (this.#end !== undefined) this.#release();
    this.#closing ??= this.#end !== undefined ? Promise.resolve() : this.#closeOrderly(deadline);
    return this.#closing;
  }

  closeSync(deadline: Deadline = performance.now() + CLOSE_MS): void {
    if (this.#end !== undefined) {
      this.#release();
      return;
    }
    this.#closing ??= this.closed.then(() => undefined);
    this.#waits.seal();
    let wake = this.#writer.tryEnd();
    while (wake === null && this.#end === undefined && this.#waits.wait(ENDING, deadline)) wake = this.#writer.tryEnd();
    this.#finishClose(wake);
  }

  abort(error: RpcError = abortedHere()): void {
    this.#finish({ by: 'local', orderly: false, error });
    this.#release();
  }

  async #closeOrderly(deadline: Deadline): Promise<void> {
    this.#waits.seal();
    let wake = this.#writer.tryEnd();
    while (wake === null && this.#end === undefined && (await this.#waits.when(ENDING, deadline))) {
      if (this.#end === undefined) wake = this.#writer.tryEnd();
    }
    this.#finishClose(wake);
  }

  /** `wake` is what `tryEnd` said: null when the end could not be published in time. */
  #finishClose(wake: boolean | null): void {
    if (wake === true && !this.#released) this.#bell.ring();
    this.#finish({ by: 'local', orderly: wake !== null, error: closedHere() });
    this.#release();
  }

  #peerGone(): void {
    if (this.#end !== undefined) return;
    const who = describePeer(this.peer);
    this.#finish(this.#reader.seesEnd() ? peerClosed(who) : cutOff(who, false, undefined));
  }

  /** Nothing is left to receive and nothing will come: the memory can go. */
  #drained(): void {
    this.#finish(peerClosed(describePeer(this.peer)));
    this.#release();
  }

  #fail(problem: unknown): void {
    const who = describePeer(this.peer);
    let error: RpcError;
    if (problem instanceof RingOversize) error = overLimit(who, problem.bytes, this.maxMessageBytes);
    else if (problem instanceof RingCorrupt) {
      error = violation(who, `broke the layout of the ${this.#called}: ${problem.message}`);
    } else if (RpcError.is(problem)) error = problem;
    else throw problem;
    this.#finish({ by: 'fault', orderly: false, error });
    this.#release();
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#waits.end();
    this.#settleClosed(end);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    closeAll(this.takeHandles());
    this.blocks?.end();
    this.#bell.close();
  }

  #afterEnd(): RpcError {
    return this.#end?.error ?? closedHere();
  }
}

/** A link over two rings. */
export class RingLink extends WaysLink {
  constructor(options: RingLinkOptions) {
    const { segment } = options;
    const outgoing = options.side === 'connector' ? 0 : 1;
    const maxMessageBytes = Math.min(options.maxMessageBytes, largestMessage(segment.ringBytes));
    const reader = new RingReader(ringPlace(segment, outgoing === 0 ? 1 : 0), maxMessageBytes);
    super({ ...options, maxMessageBytes }, reader, new RingWriter(ringPlace(segment, outgoing)));
  }
}
