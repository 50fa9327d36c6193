import type { Deadline, Doorbell, Segment } from '@callgate/core/transport';
import type { Bell, Fd, NativeAddon, Watcher } from '@callgate/native';
import { BELL_AT } from './layout.js';
import type { LinkMemory } from './mechanism.js';

const READABLE = 1;
/** Words of an end of the bell (native/bell.cc), as indices from the start of the memory; the other end's are 64 further. */
const GONE = (BELL_AT + 12) / 4;
const PROCESSOR = (BELL_AT + 16) / 4;
const END_WORDS = 64;
/** How long, in ms, that a peer's process was alive is good for: to ask is a system call. */
const LOOK_MS = 1;

/** Doorbells as semaphores. That the peer's process has ended is told by its pidfd; that its thread has, by its bell. */
export class NamedDoorbell implements Doorbell {
  readonly #addon: NativeAddon;
  readonly #memory: LinkMemory;
  readonly #bell: Bell;
  readonly #process: Fd | null;
  readonly #words: Int32Array;
  /** Indices of the peer's words. */
  readonly #peerGone: number;
  readonly #peerProcessor: number;
  #onWake: (() => void) | undefined;
  #watcher: Watcher | undefined;
  #gone = false;
  /** The last to wait was the event loop, which hears of the peer's end by itself. */
  #loopRuns = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** Owns the memory and the descriptor of the peer's process from now on. */
  constructor(addon: NativeAddon, memory: LinkMemory, segment: Segment, own: 0 | 1, peer: Fd | null) {
    this.#addon = addon;
    this.#memory = memory;
    this.#words = segment.words;
    const peerWords = own === 0 ? END_WORDS : 0;
    this.#peerGone = GONE + peerWords;
    this.#peerProcessor = PROCESSOR + peerWords;
    this.#process = peer;
    this.#bell = memory.bell(own, peer);
  }

  ring(): void {
    this.#bell.ring();
  }

  inTheWay(): boolean {
    return Atomics.load(this.#words, this.#peerProcessor) === this.#addon.currentCpu() + 1;
  }

  leave(): boolean {
    return this.#addon.leaveCpu();
  }

  wait(deadline: Deadline): void {
    const left = deadline === Number.POSITIVE_INFINITY ? deadline : deadline - performance.now();
    this.#loopRuns = false;
    if (this.#bell.wait(left) !== undefined) this.#gone = true;
  }

  nap(): void {
    this.#loopRuns = true;
    if (this.#bell.nap() !== undefined) this.#gone = true;
  }

  /** Once more replaces who is called. */
  listen(onWake: () => void): void {
    const first = this.#onWake === undefined;
    this.#onWake = onWake;
    if (!first) return;
    this.#bell.listen(() => {
      if (!this.#closed && this.#bell.peerGone(false)) this.#gone = true;
      this.#onWake?.();
    });
    if (this.#process === null) return;
    this.#watcher = this.#addon.createWatcher(this.#process, () => {
      this.#gone = true;
      // It would be told again and again.
      this.#watcher?.watch(0);
      this.#onWake?.();
    });
    this.#watcher.unref();
    this.#watcher.watch(READABLE);
  }

  hungUp(look: boolean): boolean {
    if (this.#gone || this.#closed) return true;
    if (Atomics.load(this.#words, this.#peerGone) !== 0) this.#gone = true;
    else if (look && !this.#loopRuns) this.#look();
    return this.#gone;
  }

  ref(): void {
    this.#bell.ref();
  }

  unref(): void {
    this.#bell.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher?.close();
    this.#bell.close();
    this.#process?.close();
    this.#memory.unlink();
    this.#memory.removeSemaphores();
    this.#memory.mapping.close();
    this.#memory.close();
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    if (this.#bell.peerGone(true)) this.#gone = true;
  }
}
