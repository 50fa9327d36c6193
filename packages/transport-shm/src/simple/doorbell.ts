import type { Deadline, Doorbell } from '@callgate/core/transport';
import type { Watcher } from '@callgate/native';
import type { Parts } from '../memfd/kind.js';
import type { Polling } from './slots.js';

const DISCONNECT = 4;
const LOOK_EVENTS = [DISCONNECT];
/** The first pause of a thread that blocks, in ms. */
const SHORTEST_MS = 0.05;
/** The first timer on the event loop, in ms: there is no shorter one. */
const SHORTEST_TIMER_MS = 1;
/**
 * How long, in ms, an event loop looks at every turn before it takes to timers. Longer than the first timer, or two sides
 * could fall into step: each asleep whenever the other has something for it.
 */
const TURNS_MS = 3;

/**
 * The doorbell of a mechanism that has none: nobody rings, both sides look again and again. On an event loop first at
 * every turn, in a blocked thread (and then on the loop, too) after pauses that double from one to the next. All starts
 * over when something has moved. An idle side so costs less and less, down to a look per `longestPauseMs`, and the first
 * message after a rest may wait for as long as that.
 *
 * A pause of a blocked thread is a poll(2) of the socket at which the peers met: it hangs up at once when the peer dies.
 */
export class PollingDoorbell implements Doorbell, Polling {
  readonly #parts: Parts;
  readonly #polled: readonly [Parts['socket']];
  readonly #longestMs: number;
  #pauseMs = SHORTEST_MS;
  readonly #waiting = [false, false];
  #onWake: (() => void) | undefined;
  /** The next look on the event loop. */
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** Until when to look at every turn. */
  #turnsUntil = 0;
  #watcher: Watcher | undefined;
  #alive = false;
  #gone = false;
  #closed = false;

  constructor(parts: Parts, longestPauseMs: number) {
    this.#parts = parts;
    this.#polled = [parts.socket];
    this.#longestMs = longestPauseMs;
  }

  get quiet(): boolean {
    return this.#pauseMs > SHORTEST_MS;
  }

  moved(): void {
    this.#pauseMs = SHORTEST_MS;
    this.#turnsUntil = 0;
    // The pause that is under way was for a link at rest.
    if (this.#timer === undefined) return;
    this.#disarm();
    this.#arm();
  }

  awaited(what: 0 | 1, on: boolean): void {
    this.#waiting[what] = on;
    if (on) this.#arm();
    else if (!this.#awaitedAtAll) this.#disarm();
  }

  ring(): void {
    // The peer looks by itself.
  }

  inTheWay(): boolean {
    return false;
  }

  leave(): boolean {
    return false;
  }

  wait(deadline: Deadline): void {
    const pause = Math.min(this.#nextPause(SHORTEST_MS), deadline - performance.now());
    if (this.#parts.addon.poll(this.#polled, LOOK_EVENTS, pause) !== 0) this.#gone = true;
  }

  listen(onWake: () => void): void {
    this.#onWake = onWake;
    const { addon, socket } = this.#parts;
    this.#watcher = addon.createWatcher(socket, () => {
      this.#gone = true;
      this.#watcher?.watch(0);
      onWake();
    });
    this.#watcher.unref();
    this.#watcher.watch(DISCONNECT);
  }

  hungUp(look: boolean): boolean {
    if (look && !this.#gone && this.#parts.addon.poll(this.#polled, LOOK_EVENTS, 0) !== 0) this.#gone = true;
    return this.#gone;
  }

  ref(): void {
    this.#alive = true;
    this.#watcher?.ref();
    this.#timer?.ref();
    this.#immediate?.ref();
  }

  unref(): void {
    this.#alive = false;
    this.#watcher?.unref();
    this.#timer?.unref();
    this.#immediate?.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#disarm();
    this.#watcher?.close();
    this.#parts.socket.close();
    this.#parts.mapping.close();
  }

  get #awaitedAtAll(): boolean {
    return this.#waiting[0] === true || this.#waiting[1] === true;
  }

  /** The pause that is due, in ms; the next one is twice as long. */
  #nextPause(shortestMs: number): number {
    const pause = Math.min(Math.max(this.#pauseMs, shortestMs), this.#longestMs);
    this.#pauseMs = Math.min(pause * 2, this.#longestMs);
    return pause;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#immediate !== undefined || this.#closed) return;
    const now = performance.now();
    if (this.#turnsUntil === 0) this.#turnsUntil = now + TURNS_MS;
    if (now < this.#turnsUntil) this.#immediate = setImmediate(this.#look);
    else this.#timer = setTimeout(this.#look, this.#nextPause(SHORTEST_TIMER_MS));
    if (!this.#alive) (this.#immediate ?? this.#timer)?.unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    this.#immediate = undefined;
    this.#onWake?.();
    if (this.#awaitedAtAll) this.#arm();
  };
}
