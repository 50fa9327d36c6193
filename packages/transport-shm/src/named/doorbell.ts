import { CPU, type Deadline, type Doorbell, type Segment } from '@callgate/core/transport';
import type { Bell, Fd, NativeAddon, Watcher } from '@callgate/native';
import type { LinkMemory } from './mechanism.js';

const READABLE = 1;

/** Doorbells as semaphores. That the peer's process has ended is told by its pidfd; that its thread has, by its bell. */
export class NamedDoorbell implements Doorbell {
  readonly #addon: NativeAddon;
  readonly #memory: LinkMemory;
  readonly #bell: Bell;
  readonly #process: Fd | null;
  readonly #words: Int32Array;
  readonly #own: 0 | 1;
  readonly #peer: 0 | 1;
  #onWake: (() => void) | undefined;
  #watcher: Watcher | undefined;
  #gone = false;
  #closed = false;

  /** Owns the memory and the descriptor of the peer's process from now on. */
  constructor(addon: NativeAddon, memory: LinkMemory, segment: Segment, own: 0 | 1, peer: Fd | null) {
    this.#addon = addon;
    this.#memory = memory;
    this.#words = segment.words;
    this.#own = own;
    this.#peer = own === 0 ? 1 : 0;
    this.#process = peer;
    this.#bell = memory.bell(own, peer);
    this.#publishCpu();
  }

  ring(): void {
    this.#bell.ring();
  }

  inTheWay(): boolean {
    const cpu = this.#publishCpu();
    return Atomics.load(this.#words, CPU + this.#peer) === cpu;
  }

  wait(deadline: Deadline): void {
    this.#bell.wait(deadline - performance.now());
    if (!this.#closed) this.#publishCpu();
  }

  nap(ms: number): void {
    this.#bell.wait(ms);
  }

  /** Once more replaces who is called. */
  listen(onWake: () => void): void {
    const first = this.#onWake === undefined;
    this.#onWake = onWake;
    if (!first) return;
    this.#bell.listen(() => {
      if (!this.#closed) this.#publishCpu();
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
    if (!this.#gone && this.#bell.peerGone(look)) this.#gone = true;
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

  #publishCpu(): number {
    const cpu = this.#addon.currentCpu() + 1;
    Atomics.store(this.#words, CPU + this.#own, cpu);
    return cpu;
  }
}
