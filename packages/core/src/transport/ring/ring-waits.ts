import type { Deadline } from '../contract.js';
import { holdTurn, noteTurn, turn, turnIsDue } from '../turn.js';
import { Waiter } from '../waiter.js';
import type { Doorbell } from './doorbell.js';
import type { Spinner } from './spinner.js';
import type { MessageReader, MessageWriter } from './ways.js';

/** What a wait is for: a message, or (0 and up) room for a message of so many bytes. */
export const READABLE = -1;
/** Room for the end of the stream, which only a link that closes waits for. */
export const ENDING = -2;
/** The consumer has taken all that was published. */
export const TAKEN = -3;

/** Polls between two looks at the clock. */
const POLLS = 64;
/** How long, in ms, to poll before asking whether this thread is in its peer's way; again after as long. */
const ASK_MS = 0.004;
/** Polls before the first look: two or three microseconds, in which an awake peer has usually answered. */
const BRIEF_POLLS = 384;
/** Longest time, in ms, that a thread polls without looking whether the peer still lives. */
const LOOK_MS = 1;

/** Who was the last of this thread to look for a message in vain: while several links are busy, none may hold up the others. */
let lastToLook: RingWaits | undefined;

/** All the waiting of a link over rings: first by polling memory for a learned while, then by sleeping at the doorbell. */
export class RingWaits {
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #bell: Doorbell;
  readonly #spinner: Spinner;
  readonly #onPeerGone: () => void;
  readonly #reading = new Waiter(() => this.#slept(READABLE));
  readonly #writing = new Waiter(() => this.#slept(this.#wantedBytes));
  /** Room that the wait for writable is for, or ENDING. */
  #wantedBytes = 0;
  #keepAlive = true;
  /** Nothing but the end of the stream may be written any more: whoever waits for room need not. */
  #sealed = false;
  /** The link has ended: every wait is over at once, and the memory may be gone. */
  #over = false;

  constructor(reader: MessageReader, writer: MessageWriter, bell: Doorbell, spinner: Spinner, onPeerGone: () => void) {
    this.#reader = reader;
    this.#writer = writer;
    this.#bell = bell;
    this.#spinner = spinner;
    this.#onPeerGone = onPeerGone;
    // From the first moment, so that an end is noticed though nobody waits.
    bell.listen(() => this.#onWake());
  }

  /** Blocks the thread. False when the deadline passed first. */
  wait(want: number, deadline: Deadline): boolean {
    if (this.pollBriefly(want)) return true;
    if (this.#spinner.budgetMs > 0 && this.#poll(want, deadline)) return true;
    // Two looks at the clock are a tenth of a wait between peers that park.
    const { learns } = this.#spinner;
    for (;;) {
      const now = learns || deadline !== Number.POSITIVE_INFINITY ? performance.now() : 0;
      if (now >= deadline) return this.#lastLook(want);
      this.#announce(want);
      if (!this.#can(want)) {
        if (learns) this.#spinner.sleeps(now);
        this.#bell.wait(deadline);
        if (this.#bell.hungUp(false)) this.#onPeerGone();
        else if (learns) this.#spinner.woke(performance.now());
      }
      this.#withdraw(want);
      // What was rung, and withdrawn, may have been for a wait on the event loop, which hears of it from nobody else.
      if (this.#reading.waiting || this.#writing.waiting) this.#lookAround();
      if (this.#can(want)) return true;
    }
  }

  /** Nothing came in time. A wait that was none has not seen whether the peer is gone, which ends all waits. */
  #lastLook(want: number): boolean {
    if (this.#bell.hungUp(true)) this.#onPeerGone();
    return this.#can(want);
  }

  /** Polls for a few microseconds, without a look at the clock; only looks once if it is better to sleep at once. */
  pollBriefly(want: number): boolean {
    const polls = this.#spinner.budgetMs > 0 ? BRIEF_POLLS : 1;
    for (let i = 0; i < polls; i++) {
      if (this.#can(want)) {
        this.#spinner.metWhilePolling();
        return true;
      }
    }
    return false;
  }

  /**
   * On an event loop, in place of a poll where polling makes no sense: sleeps at the doorbell itself, as long as a poll at
   * most, which saves the way through the loop's own sleep. True when a message is there.
   */
  nap(): boolean {
    if (this.#over || !this.#spinner.napPays || this.#bell.nap === undefined) return false;
    if (lastToLook !== this) {
      lastToLook = this;
      return false;
    }
    this.#reader.announceSleep();
    if (!this.#can(READABLE)) this.#bell.nap();
    this.#reader.withdrawSleep();
    if (this.#writing.waiting) this.#lookAround();
    const met = this.#can(READABLE);
    this.#spinner.napped(met);
    return met;
  }

  /** As wait, without blocking. Rejects by the signal only. */
  when(want: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#can(want)) return Promise.resolve(true);
    return this.#pollThenSleep(want, deadline, signal);
  }

  keepAlive(alive: boolean): void {
    this.#keepAlive = alive;
    if (alive) holdTurn();
    this.#reading.keepAlive(alive);
    this.#writing.keepAlive(alive);
    if (this.#over || !(this.#reading.waiting || this.#writing.waiting)) return;
    if (alive) this.#bell.ref();
    else this.#bell.unref();
  }

  /** The link closes: ends the wait for room. From now on only ENDING is waited for, by the link itself. */
  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    this.#writing.settle(true);
  }

  /** Ends all waits. */
  end(): void {
    this.#over = true;
    if (lastToLook === this) lastToLook = undefined;
    this.#reading.settle(true);
    this.#writing.settle(true);
  }

  /** What a wait for `want` waits for is there, or nothing will ever come. */
  #can(want: number): boolean {
    if (this.#over) return true;
    if (want === READABLE) {
      const ready = this.#reader.ready;
      if (this.#reader.wakeOwed) this.payWakes();
      return ready;
    }
    if (want === TAKEN) return this.#writer.allTaken;
    if (this.#sealed && want !== ENDING) return true;
    const room = this.#writer.claim(want === ENDING ? 0 : want) !== null;
    if (this.#writer.wakeOwed) this.payWakes();
    return room;
  }

  /** Rings for what was published or freed on the way, outside a commit or a release. */
  payWakes(): void {
    this.#reader.wakeOwed = false;
    this.#writer.wakeOwed = false;
    this.#bell.ring();
  }

  /** Polls memory for as long as the spinner says. */
  #poll(want: number, deadline: Deadline): boolean {
    let now = performance.now();
    let lookAt = now + LOOK_MS;
    let askAt = now + ASK_MS;
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
        if (this.#bell.hungUp(true)) this.#onPeerGone();
        lookAt = now + LOOK_MS;
      }
      if (now > askAt) {
        if (this.#bell.inTheWay() && !this.#leave(now)) return false;
        askAt = now + ASK_MS;
      }
    } while (now < until);
    return false;
  }

  /** True when this thread, which is in its peer's way, has gone to another processor, so that it may poll on. */
  #leave(now: number): boolean {
    return this.#spinner.shouldLeave(now) && this.#bell.leave();
  }

  async #pollThenSleep(want: number, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    let now = performance.now();
    let askAt = now + ASK_MS;
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
        await turn(this.#keepAlive);
        if (signal?.aborted) throw signal.reason;
        if (!this.#over && this.#bell.hungUp(false)) this.#onPeerGone();
        now = performance.now();
      } else if (now > askAt && !this.#over) {
        if (this.#bell.inTheWay() && !this.#leave(now)) break;
        askAt = now + ASK_MS;
      }
    }
    if (this.#can(want)) return true;
    if (now >= deadline) return false;
    if (signal?.aborted) throw signal.reason;
    return this.#sleep(want, deadline, signal);
  }

  #sleep(want: number, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#keepAlive) this.#bell.ref();
    const waiter = want === READABLE ? this.#reading : this.#writing;
    if (want !== READABLE) this.#wantedBytes = want;
    const promise = waiter.start(deadline, signal);
    this.#spinner.sleeps(performance.now());
    this.#announce(want);
    if (this.#can(want)) waiter.settle(true);
    else if (this.#bell.hungUp(false)) this.#onPeerGone();
    return promise;
  }

  /** A wait on the event loop has ended, whatever ended it. */
  #slept(want: number): void {
    if (this.#over) return;
    this.#withdraw(want);
    if (!this.#reading.waiting && !this.#writing.waiting) this.#bell.unref();
  }

  /** Called from the event loop when rung or hung up. */
  #onWake(): void {
    if (this.#over) return;
    const now = performance.now();
    noteTurn(now);
    if (this.#bell.hungUp(false)) this.#onPeerGone();
    else if (this.#reading.waiting) this.#spinner.woke(now);
    this.#lookAround();
  }

  /** Ends the waits on the event loop whose time has come. */
  #lookAround(): void {
    this.#lookFor(READABLE, this.#reading);
    this.#lookFor(this.#wantedBytes, this.#writing);
  }

  #lookFor(want: number, waiter: Waiter): void {
    if (!waiter.waiting) return;
    this.#announce(want);
    if (this.#can(want)) waiter.settle(true);
  }

  #announce(want: number): void {
    if (this.#over) return;
    if (want === READABLE) this.#reader.announceSleep();
    else this.#writer.announceSleep();
  }

  #withdraw(want: number): void {
    if (this.#over) return;
    if (want === READABLE) this.#reader.withdrawSleep();
    else this.#writer.withdrawSleep();
  }
}
