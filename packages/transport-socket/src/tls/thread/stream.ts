import { setImmediate as queueImmediate } from 'node:timers';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { RpcError } from '@callgate/core/errors';
import {
  type ByteStream,
  type Deadline,
  FAILED,
  HUNG_UP as GONE,
  type Peer,
  READABLE,
  WRITABLE,
} from '@callgate/core/transport';
import { ByteRing } from './byte-ring.js';
import {
  CLOSE,
  DROP,
  HUNG_UP,
  IN_READ,
  IN_WRITTEN,
  KEEPER_BELL,
  KEEPER_STALLED,
  OUT_READ,
  OUT_WRITTEN,
  RELEASED,
  ring,
  type Shared,
  STAGE,
  USER_BELL,
  USER_STALLED,
  WISH,
  WRITTEN,
} from './layout.js';
import { fromPlainError, type Rest } from './messages.js';

/** How often, in ms, a thread that blocks looks whether its keeper lives: only a fault of the process can end it. */
const LOOK_MS = 250;

/** What a stream needs of the thread that keeps its connection. */
export interface Keeper {
  /** Looks without waiting. */
  readonly alive: boolean;
  /** A stream that waits on the event loop keeps it alive; each `hold` is taken back by a `letGo`. */
  hold(): void;
  letGo(): void;
}

/** On the user's thread: a connection that another thread keeps, as a byte stream that can block. */
export class ThreadStream implements ByteStream {
  readonly blocking = true;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  readonly #words: Int32Array;
  readonly #port: MessagePort;
  readonly #keeper: Keeper;
  readonly #in: ByteRing;
  readonly #out: ByteRing;
  readonly #onReleased: () => void;
  /** What has come behind what is in the ring; there once the keeper has hung up. */
  #rest: Buffer | undefined;
  #error: Error | undefined;
  #watched = 0;
  #listening = false;
  #scheduled = false;
  #held = false;
  #released = false;
  #closed: (() => void) | undefined;

  /** `onReleased`: nothing is left of it, or nobody wants to know. */
  constructor(
    peer: Peer,
    { words, incoming, outgoing }: Shared,
    port: MessagePort,
    keeper: Keeper,
    onReleased: () => void,
  ) {
    this.peer = Object.freeze(peer);
    this.#words = words;
    this.#port = port;
    this.#keeper = keeper;
    this.#in = new ByteRing(words, IN_WRITTEN, IN_READ, incoming);
    this.#out = new ByteRing(words, OUT_WRITTEN, OUT_READ, outgoing);
    this.#onReleased = onReleased;
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    // First: what has come before the end is in the ring when the end is seen.
    const ended = this.#ended;
    const got = this.#in.read(bytes, start, end);
    if (got > 0) {
      if (Atomics.load(this.#words, KEEPER_STALLED) !== 0) {
        Atomics.store(this.#words, KEEPER_STALLED, 0);
        ring(this.#words, KEEPER_BELL);
      }
      return got;
    }
    if (!ended) return -1;
    const rest = this.#rest!;
    if (rest.length > 0) {
      const count = rest.copy(bytes, start, 0, end - start);
      this.#rest = rest.subarray(count);
      return count;
    }
    if (this.#error !== undefined) throw this.#error;
    return 0;
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    if (this.#ended) throw this.#error ?? Object.assign(new Error('the socket is closed'), { code: 'EPIPE' });
    const count = this.#out.write(bytes, start, end);
    if (count === 0) return -1;
    ring(this.#words, KEEPER_BELL);
    return count;
  }

  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    for (;;) {
      const heard = Atomics.load(this.#words, USER_BELL);
      const got = this.tryRead(bytes, start, end);
      if (got !== -1 || !this.#sleep(heard, deadline)) return got;
    }
  }

  wait(events: number, deadline: Deadline): number {
    for (;;) {
      const heard = Atomics.load(this.#words, USER_BELL);
      const due = this.#due(events);
      if (due !== 0 || !this.#sleep(heard, deadline)) return due;
    }
  }

  watch(events: number): void {
    this.#watched = events;
    if (!this.#listening) {
      this.#listening = true;
      void this.#listen();
    }
    this.#schedule();
  }

  ref(): void {
    if (!this.#held) this.#keeper.hold();
    this.#held = true;
  }

  unref(): void {
    if (this.#held) this.#keeper.letGo();
    this.#held = false;
  }

  close(): Promise<void> | undefined {
    if (this.#released) return undefined;
    Atomics.store(this.#words, WISH, CLOSE);
    ring(this.#words, KEEPER_BELL);
    this.#watched = 0;
    this.ref();
    if (!this.#listening) {
      this.#listening = true;
      void this.#listen();
    }
    return new Promise((resolve) => {
      this.#closed = resolve;
    });
  }

  /** Called after `close`. */
  waitWritten(deadline: Deadline): void {
    for (;;) {
      const heard = Atomics.load(this.#words, USER_BELL);
      if (Atomics.load(this.#words, STAGE) >= WRITTEN) break;
      if (!this.#sleep(heard, deadline)) return;
    }
    this.#release();
  }

  abort(): void {
    Atomics.store(this.#words, WISH, DROP);
    ring(this.#words, KEEPER_BELL);
    this.#release();
  }

  /** The connection is gone: all that has come is in the ring or in `#rest`. */
  get #ended(): boolean {
    if (this.#rest !== undefined) return true;
    if (Atomics.load(this.#words, STAGE) < HUNG_UP) return false;
    const rest = receiveMessageOnPort(this.#port)?.message as Rest | undefined;
    this.#rest = Buffer.from(rest?.bytes ?? []);
    if (rest?.error !== undefined) this.#error = fromPlainError(rest.error);
    return true;
  }

  /** The events that are the case, of those and the ends. */
  #due(events: number): number {
    if (this.#released) return 0;
    const ended = this.#ended;
    let due = (events & READABLE) !== 0 && (ended || this.#in.size > 0) ? READABLE : 0;
    if ((events & WRITABLE) !== 0 && this.#hasRoom()) due |= WRITABLE;
    if (ended) due |= this.#error === undefined ? GONE : FAILED;
    return due;
  }

  #hasRoom(): boolean {
    if (this.#out.room > 0) return true;
    Atomics.store(this.#words, USER_STALLED, 1);
    return this.#out.room > 0;
  }

  /** Blocks until the bell is rung after it was `heard`. False when the deadline has passed. May return early. */
  #sleep(heard: number, deadline: Deadline): boolean {
    const left = deadline - performance.now();
    if (!(left > 0)) return false;
    if (Atomics.wait(this.#words, USER_BELL, heard, Math.min(left, LOOK_MS)) === 'timed-out' && !this.#keeper.alive) {
      this.lose();
    }
    return true;
  }

  /** The keeper is gone, and what it had not told yet. */
  lose(): void {
    if (!this.#ended) {
      this.#rest = Buffer.alloc(0);
      const words = 'the thread of this process that keeps TLS connections for blocking calls has ended';
      this.#error = new RpcError('INTERNAL', words, { failed: 'channel' });
    }
    Atomics.store(this.#words, STAGE, RELEASED);
    ring(this.#words, USER_BELL);
  }

  async #listen(): Promise<void> {
    // Who begins to watch is told nothing before it is done with that: what is the case already is told in the next turn.
    for (let first = true; ; first = false) {
      const heard = Atomics.load(this.#words, USER_BELL);
      if (this.#closed !== undefined && Atomics.load(this.#words, STAGE) === RELEASED) this.#release();
      if (this.#released) return;
      if (!first) this.#deliver();
      await Atomics.waitAsync(this.#words, USER_BELL, heard).value;
    }
  }

  #deliver(): void {
    const due = this.#watchedAndDue;
    if (due !== 0) this.onEvents(due);
    this.#schedule();
  }

  get #watchedAndDue(): number {
    if (this.#watched === 0) return 0;
    return this.#due(this.#watched) & (this.#watched | FAILED);
  }

  /** Level-triggered: what is still the case is told again in the next turn of the loop. */
  #schedule(): void {
    if (this.#scheduled || this.#watchedAndDue === 0) return;
    this.#scheduled = true;
    queueImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.unref();
    this.#port.close();
    // Ends the own wait, which would hold the memory.
    ring(this.#words, USER_BELL);
    this.#closed?.();
    this.#onReleased();
  }
}
