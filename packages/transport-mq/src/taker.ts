import { turn, turnIsDue } from '@callgate/core/transport';
import type { MessageQueueHandle, MessageThread, NativeAddon } from '@callgate/native';
import { Crowd } from './crowd.js';
import { LAST, TYPE_BYTES } from './layout.js';
import type { MissingParts } from './missing-parts.js';
import type { PartBuffer } from './part-buffer.js';

/** How long to look before sleeping: in microseconds at a time, others running in between, and in ms in all. */
const POLL_US = 20;
const LONGEST_POLL_MS = 0.25;
const SHORTEST_POLL_MS = 0.02;

export interface TakerHooks {
  /** Nothing more can be taken on for now. */
  readonly paused: () => boolean;
  /** A part of so many bytes lies in the buffer. */
  readonly took: (length: number) => void;
  /** The mailbox can't be used any more. */
  readonly gone: (error: unknown) => void;
}

/** Takes from the mailbox: looks for a while, and then lets a thread wait in the kernel until something comes. */
export class Taker {
  readonly #native: NativeAddon;
  readonly #mailbox: MessageQueueHandle;
  readonly #buffer: PartBuffer;
  readonly #missing: MissingParts;
  readonly #hooks: TakerHooks;
  readonly #thread: MessageThread;
  /** The thread waits for the mailbox, or has a message of it. */
  #threadWaits = false;
  #wake: (() => void) | undefined;
  #stopped = false;
  #pollMs = LONGEST_POLL_MS;
  readonly #crowd = new Crowd();

  constructor(
    native: NativeAddon,
    mailbox: MessageQueueHandle,
    buffer: PartBuffer,
    missing: MissingParts,
    hooks: TakerHooks,
  ) {
    this.#native = native;
    this.#mailbox = mailbox;
    this.#buffer = buffer;
    this.#missing = missing;
    this.#hooks = hooks;
    this.#thread = native.createMessageThread(() => this.wakeUp());
  }

  /** Nothing is taken from the mailbox any more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Looks into the mailbox on the event loop for as long as that is worth it, and lets a thread wait after that. */
  async run(): Promise<void> {
    let until = performance.now() + this.#pollMs;
    let looks = true;
    let met = false;
    while (!this.#stopped) {
      const before = performance.now();
      // Handlers, and what they have set going, come first: a look that lets other processes run would hold them up.
      if (met) await new Promise<void>((resolve) => process.nextTick(resolve));
      if (this.#stopped) break;
      met = this.pump(looks ? POLL_US : 0);
      if (met) {
        this.#pollMs = Math.min(LONGEST_POLL_MS, this.#pollMs * 2);
        const now = performance.now();
        until = now + this.#pollMs;
        // Handlers run in between.
        if (turnIsDue(now)) await turn();
        else await undefined;
        continue;
      }
      const now = performance.now();
      if (this.#crowd.tooLong(now - before)) looks = false;
      if (looks && now < until && !this.#hooks.paused()) {
        if (turnIsDue(now)) await turn();
        else await undefined;
        continue;
      }
      await this.#sleepOnLoop();
      const woken = performance.now();
      if (woken - now > LONGEST_POLL_MS) this.#pollMs = Math.max(SHORTEST_POLL_MS, this.#pollMs / 2);
      else this.#pollMs = LONGEST_POLL_MS;
      until = woken + this.#pollMs;
      looks = this.#crowd.looks;
    }
  }

  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Blocks for so many ms at most, until something may have come. */
  wait(ms: number): void {
    this.#beginWaiting();
    if (this.#threadWaits && this.#thread.wait(ms)) this.wakeUp();
  }

  /** Takes one message from the mailbox, if there is one, looking for `spinUs` at most. */
  pump(spinUs: number): boolean {
    if (this.#stopped || this.#hooks.paused()) return false;
    let got = -1;
    try {
      // Before anything else: what a caller sends next must not come before what he sent first.
      if (this.#missing.any && this.#missing.collect()) return true;
      if (this.#threadWaits) {
        got = this.#buffer.fetch(this.#thread);
        if (got < 0 && this.#thread.cancel()) got = this.#buffer.fetch(this.#thread);
        this.#threadWaits = false;
        // Whoever slept on the event loop until the thread has something would sleep for ever.
        this.wakeUp();
      }
      if (got < 0) got = this.#buffer.receive(this.#mailbox, -LAST, spinUs);
      if (got < 0) return false;
    } catch (error) {
      if (!this.#stopped) {
        this.#stopped = true;
        this.#hooks.gone(error);
      }
      return false;
    }
    if (this.#missing.any) this.#tookInOrder(got);
    else this.#hooks.took(got);
    return true;
  }

  /** Takes what the thread has taken already, full or not. */
  takeFromThread(): void {
    if (!this.#threadWaits || this.#stopped) return;
    this.#threadWaits = false;
    const got = this.#whatItHas();
    this.wakeUp();
    if (got < 0) return;
    if (this.#missing.any) this.#tookInOrder(got);
    else this.#hooks.took(got);
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    if (this.#threadWaits) {
      this.#threadWaits = false;
      const got = this.#whatItHas();
      if (got >= 0 && !this.putBack(got)) this.#hooks.took(got);
    }
    this.wakeUp();
  }

  /** What lies in the buffer was meant for another taker. False when there is no room for it any more. */
  putBack(length: number): boolean {
    const { bytes, type } = this.#buffer;
    return this.#native.sendMessage(this.#mailbox, type, bytes, TYPE_BYTES, TYPE_BYTES + length, 0);
  }

  /** Idempotent. */
  close(): void {
    this.stop();
    this.#thread.close();
  }

  #sleepOnLoop(): Promise<void> {
    const promise = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (!this.#hooks.paused()) this.#beginWaiting();
    if (this.#missing.any) setTimeout(() => this.wakeUp(), 1);
    return promise;
  }

  #beginWaiting(): void {
    if (this.#threadWaits || this.#stopped) return;
    this.#threadWaits = true;
    this.#thread.receive(this.#mailbox, -LAST, this.#buffer.textBytes);
  }

  #whatItHas(): number {
    try {
      return this.#thread.cancel() ? this.#buffer.fetch(this.#thread) : -1;
    } catch {
      // The mailbox has gone.
      return -1;
    }
  }

  /** The rest of an earlier message may have come between the last look and this one. */
  #tookInOrder(length: number): void {
    const { bytes } = this.#buffer;
    const message = Buffer.from(bytes.subarray(0, TYPE_BYTES + length));
    this.#missing.collect();
    message.copy(bytes);
    this.#hooks.took(length);
  }
}
