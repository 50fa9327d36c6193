import type { Deadline } from '../contract.js';
import type { Doorbell, Segment } from '../ring/index.js';
import { BELL, type End, HUNG_UP, THREAD } from './layout.js';
import { threadLives } from './thread-life.js';

/** While waiting for a peer in another thread, how often, in ms, to look whether that thread still lives. */
const LOOK_MS = 50;
/** The same on the event loop, where looking takes a timer: rarely, so that an idle link costs next to nothing. */
const IDLE_LOOK_MS = 500;
/** A timer that only keeps the event loop alive. */
const NEVER_MS = 2 ** 31 - 1;

/** Doorbells as words of shared memory, with Atomics.wait and notify. Source: ECMA-262, Atomics.waitAsync. */
export class InprocDoorbell implements Doorbell {
  readonly #words: Int32Array;
  readonly #own: End;
  readonly #peer: End;
  readonly #sameThread: boolean;
  #peerLives = true;
  #closed = false;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(segment: Segment, own: End) {
    this.#words = segment.words;
    this.#own = own;
    this.#peer = own === 0 ? 1 : 0;
    this.#sameThread = this.#words[THREAD] === this.#words[THREAD + 1];
  }

  ring(): void {
    Atomics.store(this.#words, BELL + this.#peer, 1);
    Atomics.notify(this.#words, BELL + this.#peer);
  }

  inTheWay(): boolean {
    // It takes the addon to tell where threads run; the poll simply goes on.
    return false;
  }

  leave(): boolean {
    return false;
  }

  wait(deadline: Deadline): void {
    const left = deadline - performance.now();
    if (left > 0) Atomics.wait(this.#words, BELL + this.#own, 0, Math.min(left, LOOK_MS));
    Atomics.store(this.#words, BELL + this.#own, 0);
    this.#look();
  }

  listen(onWake: () => void): void {
    // A peer in this very thread can't die alone; the timer then only carries ref and unref.
    this.#keepAlive = setInterval(
      () => {
        if (!this.#look()) onWake();
      },
      this.#sameThread ? NEVER_MS : IDLE_LOOK_MS,
    );
    this.#keepAlive.unref();
    void this.#listenOn(onWake);
  }

  async #listenOn(onWake: () => void): Promise<void> {
    // It may have been rung before it was listened to: whoever makes it is to be done with that first.
    await undefined;
    while (!this.#closed) {
      const { async, value } = Atomics.waitAsync(this.#words, BELL + this.#own, 0);
      if (async) await value;
      Atomics.store(this.#words, BELL + this.#own, 0);
      if (this.#closed) return;
      onWake();
      if (this.hungUp(false)) return;
    }
  }

  hungUp(look: boolean): boolean {
    if (Atomics.load(this.#words, HUNG_UP + this.#peer) !== 0) return true;
    return look ? !this.#look() : !this.#peerLives;
  }

  ref(): void {
    this.#keepAlive?.ref();
  }

  unref(): void {
    this.#keepAlive?.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#keepAlive);
    Atomics.store(this.#words, HUNG_UP + this.#own, 1);
    this.ring();
    // Ends the own asynchronous wait, which would hold the memory.
    Atomics.store(this.#words, BELL + this.#own, 1);
    Atomics.notify(this.#words, BELL + this.#own);
  }

  #look(): boolean {
    if (this.#peerLives && !this.#sameThread) this.#peerLives = threadLives(this.#words[THREAD + this.#peer] ?? 0);
    return this.#peerLives;
  }
}
