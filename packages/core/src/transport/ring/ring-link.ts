import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, Link, LinkEnd, Peer, Span } from '../contract.js';
import { noteTurn, turn, turnIsDue } from '../turn.js';
import type { Doorbell } from './doorbell.js';
import { largestMessage, ringPlace, type Segment } from './layout.js';
import { RingCorrupt, RingReader } from './ring-reader.js';
import { RingWriter } from './ring-writer.js';
import { type Sleeper, sleeper } from './sleeper.js';
import { Spinner, type WaitStrategy } from './spinner.js';

export interface RingLinkOptions {
  readonly segment: Segment;
  /** Which end this is; the connecting end writes ring 0. */
  readonly side: 'connector' | 'acceptor';
  readonly doorbell: Doorbell;
  readonly peer: Peer;
  readonly maxMessageBytes: number;
  readonly strategy: WaitStrategy;
  /** Processors this process may use. */
  readonly processors: number;
}

/** What a wait is for: a message, or (0 and up) room for so many bytes. */
const READABLE = -1;

/** Polls between two looks at the clock. */
const POLLS = 64;
/** Longest time, in ms, that a thread polls without looking whether the peer still lives. */
const LOOK_MS = 1;
const CLOSE_MS = 2000;

/** A link over two rings in memory that both ends see; the doorbell wakes, and tells of death. */
export class RingLink implements Link {
  readonly peer: Peer;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #bell: Doorbell;
  readonly #spinner: Spinner;
  #settleClosed!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;
  /** Bytes of the open claim, -1 for none. */
  #claimed = -1;
  /** The memory is gone: nothing of the segment may be touched. */
  #released = false;
  #listening = false;
  #keepAlive = true;
  #readSleeper: Sleeper | undefined;
  #writeSleeper: Sleeper | undefined;

  constructor(options: RingLinkOptions) {
    const outgoing = options.side === 'connector' ? 0 : 1;
    this.peer = options.peer;
    this.maxMessageBytes = Math.min(options.maxMessageBytes, largestMessage(options.segment.ringBytes));
    this.#writer = new RingWriter(ringPlace(options.segment, outgoing));
    this.#reader = new RingReader(ringPlace(options.segment, outgoing === 0 ? 1 : 0), this.maxMessageBytes);
    this.#bell = options.doorbell;
    this.#spinner = new Spinner(options.strategy, options.processors);
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
    if (this.#end !== undefined || this.#closing !== undefined) throw this.#afterEnd();
    if (bytes > this.maxMessageBytes) {
      throw new RpcError(
        'RESOURCE_EXHAUSTED',
        `a message of ${bytes} bytes is over this link's limit of ${this.maxMessageBytes} (maxMessageBytes)`,
        {
          reason: Reason.MESSAGE_TOO_LARGE,
        },
      );
    }
    const span = this.#writer.claim(bytes);
    if (this.#writer.wakeOwed) this.#payWakes();
    this.#claimed = span === null ? -1 : bytes;
    return span;
  }

  commit(length: number): void {
    if (length > this.#claimed) throw new RangeError(`commit of ${length} bytes into a claim of ${this.#claimed}`);
    if (this.#released) throw this.#afterEnd();
    this.#claimed = -1;
    if (this.#writer.commit(length)) this.#bell.ring();
  }

  abandon(): void {
    this.#claimed = -1;
  }

  flush(): void {
    // A commit is visible to the peer at once.
  }

  receive(): Span | null {
    if (this.#released) return null;
    try {
      const span = this.#reader.receive();
      if (this.#reader.wakeOwed) this.#payWakes();
      if (span === null && (this.#reader.ended || this.#end !== undefined)) this.#drained();
      return span;
    } catch (error) {
      if (!(error instanceof RingCorrupt)) throw error;
      this.#fail(error);
      return null;
    }
  }

  release(): void {
    if (this.#released) return;
    if (this.#reader.release()) this.#bell.ring();
  }

  waitReadable(deadline: Deadline): boolean {
    return this.#wait(READABLE, deadline);
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    return this.#wait(bytes, deadline);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#when(READABLE, deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#when(bytes, deadline, signal);
  }

  ref(): void {
    this.#keepAlive = true;
    if (this.#readSleeper !== undefined || this.#writeSleeper !== undefined) this.#bell.ref();
  }

  unref(): void {
    this.#keepAlive = false;
    if (this.#readSleeper !== undefined || this.#writeSleeper !== undefined) this.#bell.unref();
  }

  close(deadline: Deadline = performance.now() + CLOSE_MS): Promise<void> {
    this.#closing ??= this.#end !== undefined ? Promise.resolve(this.#release()) : this.#closeOrderly(deadline);
    return this.#closing;
  }

  closeSync(deadline: Deadline = performance.now() + CLOSE_MS): void {
    if (this.#end !== undefined) {
      this.#release();
      return;
    }
    this.#closing ??= this.closed.then(() => undefined);
    let wake = this.#writer.tryEnd();
    while (wake === null && this.#end === undefined && this.#wait(0, deadline)) wake = this.#writer.tryEnd();
    this.#finishClose(wake);
  }

  abort(error?: RpcError): void {
    const why =
      error ?? new RpcError('UNAVAILABLE', 'the link was aborted', { reason: Reason.CLOSED, failed: 'channel' });
    this.#finish({ by: 'local', orderly: false, error: why });
    this.#release();
  }

  async #closeOrderly(deadline: Deadline): Promise<void> {
    let wake = this.#writer.tryEnd();
    while (wake === null && this.#end === undefined && (await this.#when(0, deadline))) wake = this.#writer.tryEnd();
    this.#finishClose(wake);
  }

  /** `wake` is what `tryEnd` said: null when the end could not be published in time. */
  #finishClose(wake: boolean | null): void {
    if (wake === true && !this.#released) this.#bell.ring();
    const error = new RpcError('UNAVAILABLE', 'the link was closed by this side', {
      reason: Reason.CLOSED,
      failed: 'channel',
    });
    this.#finish({ by: 'local', orderly: wake !== null, error });
    this.#release();
  }

  /** What a wait for `want` waits for is there, or nothing will ever come. */
  #can(want: number): boolean {
    if (this.#end !== undefined) return true;
    if (want === READABLE) {
      const ready = this.#reader.ready;
      if (this.#reader.wakeOwed) this.#payWakes();
      return ready;
    }
    const room = this.#writer.claim(want) !== null;
    if (this.#writer.wakeOwed) this.#payWakes();
    return room;
  }

  #announce(want: number): void {
    if (want === READABLE) this.#reader.announceSleep();
    else this.#writer.announceSleep();
  }

  #withdraw(want: number): void {
    if (this.#released) return;
    if (want === READABLE) this.#reader.withdrawSleep();
    else this.#writer.withdrawSleep();
  }

  #wait(want: number, deadline: Deadline): boolean {
    if (this.#can(want)) return true;
    if (this.#spinner.budgetMs > 0 && this.#poll(want, deadline)) return true;
    for (;;) {
      const now = performance.now();
      if (now >= deadline) return false;
      this.#announce(want);
      if (!this.#can(want)) {
        this.#spinner.sleeps(now);
        this.#bell.wait(deadline);
        if (this.#bell.hungUp(false)) this.#peerGone();
        else this.#spinner.woke(performance.now());
      }
      this.#withdraw(want);
      if (this.#can(want)) return true;
    }
  }

  /** Polls memory for as long as the spinner says. */
  #poll(want: number, deadline: Deadline): boolean {
    let now = performance.now();
    let lookAt = now + LOOK_MS;
    const until = Math.min(now + this.#spinner.budgetMs, deadline);
    do {
      for (let i = 0; i < POLLS; i++) {
        if (this.#can(want)) {
          this.#spinner.metWhilePolling();
          return true;
        }
      }
      now = performance.now();
      if (now > lookAt) {
        if (this.#bell.hungUp(true)) this.#peerGone();
        lookAt = now + LOOK_MS;
      }
    } while (now < until);
    return false;
  }

  #when(want: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#can(want)) return Promise.resolve(true);
    return this.#pollThenSleep(want, deadline, signal);
  }

  async #pollThenSleep(want: number, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    let now = performance.now();
    const until = Math.min(now + this.#spinner.budgetMs, deadline);
    while (now < until) {
      // What others have to do in microtasks (settled calls, handlers) comes between polls: it may be what we wait for.
      await undefined;
      for (let i = 0; i < POLLS; i++) {
        if (this.#can(want)) {
          this.#spinner.metWhilePolling();
          return true;
        }
      }
      now = performance.now();
      if (turnIsDue(now)) {
        await turn();
        if (signal?.aborted) throw signal.reason;
        if (this.#bell.hungUp(false)) this.#peerGone();
        now = performance.now();
      }
    }
    if (this.#can(want)) return true;
    if (now >= deadline) return false;
    return this.#sleep(want, deadline, signal);
  }

  #sleep(want: number, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#listening) {
      this.#listening = true;
      this.#bell.listen(() => this.#onWake());
    }
    if (this.#keepAlive) this.#bell.ref();
    const sleep = sleeper(want, deadline, signal, () => {
      if (want === READABLE) this.#readSleeper = undefined;
      else this.#writeSleeper = undefined;
      this.#withdraw(want);
      if (this.#readSleeper === undefined && this.#writeSleeper === undefined && !this.#released) this.#bell.unref();
    });
    if (want === READABLE) this.#readSleeper = sleep;
    else this.#writeSleeper = sleep;
    this.#spinner.sleeps(performance.now());
    this.#announce(want);
    if (this.#can(want)) sleep.settle(true);
    else if (this.#bell.hungUp(false)) this.#peerGone();
    return sleep.promise;
  }

  /** Called from the event loop when rung or hung up. */
  #onWake(): void {
    const now = performance.now();
    noteTurn(now);
    if (this.#released) return;
    if (this.#bell.hungUp(false)) this.#peerGone();
    else if (this.#readSleeper !== undefined) this.#spinner.woke(now);
    for (const sleep of [this.#readSleeper, this.#writeSleeper]) {
      if (sleep === undefined) continue;
      this.#announce(sleep.want);
      if (this.#can(sleep.want)) sleep.settle(true);
    }
  }

  #payWakes(): void {
    this.#reader.wakeOwed = false;
    this.#writer.wakeOwed = false;
    this.#bell.ring();
  }

  #peerGone(): void {
    if (this.#end !== undefined) return;
    this.#finish(this.#reader.seesEnd() ? this.#peerClosed() : this.#peerDied());
  }

  #peerClosed(): LinkEnd {
    const error = new RpcError('UNAVAILABLE', `the peer at ${this.peer.address} closed the link`, {
      reason: Reason.PEER_CLOSED,
      failed: 'channel',
    });
    return { by: 'peer', orderly: true, error };
  }

  #peerDied(): LinkEnd {
    const pid = this.peer.credentials === undefined ? '' : ` (process ${this.peer.credentials.pid})`;
    const error = new RpcError('UNAVAILABLE', `the peer at ${this.peer.address}${pid} died or dropped the link`, {
      reason: Reason.PEER_DIED,
      failed: 'channel',
    });
    return { by: 'peer', orderly: false, error };
  }

  /** Nothing is left to receive and nothing will come: the memory can go. */
  #drained(): void {
    if (this.#end === undefined) this.#finish(this.#peerClosed());
    this.#release();
  }

  #fail(corrupt: RingCorrupt): void {
    const error = new RpcError(
      'DATA_LOSS',
      `the peer at ${this.peer.address} broke the ring's layout: ${corrupt.message}`,
      {
        reason: Reason.PROTOCOL_VIOLATION,
        failed: 'channel',
        cause: corrupt,
      },
    );
    this.#finish({ by: 'fault', orderly: false, error });
    this.#release();
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#settleClosed(end);
    this.#readSleeper?.settle(true);
    this.#writeSleeper?.settle(true);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#claimed = -1;
    this.#bell.close();
  }

  #afterEnd(): RpcError {
    return (
      this.#end?.error ??
      new RpcError('UNAVAILABLE', 'the link is closing', { reason: Reason.CLOSED, failed: 'channel' })
    );
  }
}
