import { type Deadline, turn, turnIsDue } from '@callgate/core/transport';
import { type MessageQueueHandle, type MessageThread, messageQueueLimit, type NativeAddon } from '@callgate/native';
import { Crowd } from './crowd.js';
import type { Inbox } from './inbox.js';

/** How long, in microseconds, a blocking wait looks before it sleeps; others run in between. */
const SPIN_US = 50;
/** The same on the event loop, at a time, and for how long in all, in ms. */
const POLL_US = 20;
const POLL_MS = 0.2;
const NEVER = Number.POSITIVE_INFINITY;

export interface ClientBoxHooks {
  /** A part has come: its text is `bytes[start, start + length)`, in the inbox's room. */
  readonly took: (bytes: Buffer, view: DataView, start: number, length: number) => void;
  /** A system error. */
  readonly failed: (error: unknown) => void;
  readonly ended: () => boolean;
  /** There is something for who waits. */
  readonly readable: () => boolean;
  /** Somebody waits on the event loop. */
  readonly waiting: () => boolean;
  /** Who waits need wait no more. */
  readonly settle: () => void;
  /** A thread has begun to wait. */
  readonly began: () => void;
}

/** Receives from the queue in which a client is reached: blocking, or on the event loop. */
export class ClientBox {
  readonly #native: NativeAddon;
  readonly #queue: MessageQueueHandle;
  readonly #inbox: Inbox;
  readonly #hooks: ClientBoxHooks;
  readonly #textBytes = messageQueueLimit('msgmax');
  readonly #crowd = new Crowd();
  /** With one processor, nobody can answer while this thread looks. */
  readonly #severalCpus: boolean;
  #thread: MessageThread | undefined;
  /** The thread waits for a message, or has one. */
  #threadWaits = false;
  #polling = false;
  /** The thread keeps the event loop alive. */
  #holds = false;
  #listenDue: NodeJS.Immediate | undefined;

  constructor(native: NativeAddon, queue: MessageQueueHandle, inbox: Inbox, hooks: ClientBoxHooks) {
    this.#native = native;
    this.#queue = queue;
    this.#inbox = inbox;
    this.#hooks = hooks;
    this.#severalCpus = native.availableCpus() > 1;
  }

  /** Takes what is there, without waiting: true when something was, or when it failed. */
  pull(): boolean {
    const room = this.#inbox.room(this.#textBytes);
    let got = -1;
    try {
      if (this.#threadWaits) {
        got = this.#fetch(room.bytes, room.start);
        if (got < 0 && this.#thread!.cancel()) got = this.#fetch(room.bytes, room.start);
        this.#threadWaits = false;
        this.listen();
      }
      if (got < 0) got = this.#receive(room.bytes, room.start, 0);
    } catch (error) {
      this.#hooks.failed(error);
      return true;
    }
    if (got < 0) return false;
    this.#hooks.took(room.bytes, room.view, room.start, got);
    return true;
  }

  /** Blocks until something has come (true), or until the deadline, or somebody who is watched has died. */
  sleep(deadline: Deadline): boolean {
    if (this.#threadWaits) {
      this.pull();
      if (this.#hooks.readable()) return true;
    }
    const room = this.#inbox.room(this.#textBytes);
    let got = -1;
    try {
      if (this.#severalCpus && this.#crowd.looks) {
        const before = performance.now();
        got = this.#receive(room.bytes, room.start, SPIN_US);
        this.#crowd.tooLong(performance.now() - before);
      }
      if (got < 0) {
        const leftMs = deadline === NEVER ? NEVER : Math.max(0, deadline - performance.now());
        const end = room.start + this.#textBytes;
        got = this.#native.awaitMessage(this.#queue, room.bytes, room.start, end, leftMs);
      }
    } catch (error) {
      this.#hooks.failed(error);
      return true;
    }
    if (got < 0) return false;
    this.#hooks.took(room.bytes, room.view, room.start, got);
    return true;
  }

  /** Somebody waits on the event loop: looks for as long as looking is worth it, and then lets a thread wait. */
  arm(): void {
    if (!this.#polling && !this.#threadWaits) void this.#poll();
  }

  /** Lets a thread wait, soon, though nobody waits for what comes: for the end of the link. */
  listen(): void {
    if (this.#listenDue !== undefined || this.#hooks.ended()) return;
    this.#listenDue = setImmediate(() => {
      this.#listenDue = undefined;
      this.#listenNow();
    });
  }

  /** Whether the wait on the event loop keeps the process alive. */
  hold(alive: boolean): void {
    if (this.#thread === undefined || alive === this.#holds) return;
    this.#holds = alive;
    if (alive) this.#thread.ref();
    else this.#thread.unref();
  }

  /** The queue goes with it. */
  close(): void {
    if (this.#listenDue !== undefined) clearImmediate(this.#listenDue);
    this.#thread?.close();
    this.#queue.close();
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    let now = performance.now();
    const until = now + POLL_MS;
    while (this.#crowd.looks && this.#hooks.waiting() && !this.#hooks.ended() && !this.#threadWaits) {
      const room = this.#inbox.room(this.#textBytes);
      try {
        const got = this.#receive(room.bytes, room.start, POLL_US);
        if (got >= 0) this.#hooks.took(room.bytes, room.view, room.start, got);
      } catch (error) {
        this.#hooks.failed(error);
      }
      if (this.#hooks.readable()) {
        this.#hooks.settle();
        break;
      }
      const before = now;
      now = performance.now();
      if (now > until || this.#crowd.tooLong(now - before)) break;
      if (turnIsDue(now)) await turn();
      else await undefined;
    }
    this.#polling = false;
    if (this.#hooks.waiting()) this.#listenNow();
    else this.listen();
  }

  #listenNow(): void {
    if (this.#hooks.ended() || this.#threadWaits || this.#polling) return;
    if (this.#inbox.length > 0) {
      this.#hooks.settle();
      return;
    }
    this.#thread ??= this.#native.createMessageThread(() => this.#onThread());
    this.#threadWaits = true;
    this.#thread.receive(this.#queue, 0, this.#textBytes);
    this.#hooks.began();
  }

  #onThread(): void {
    if (!this.#threadWaits || this.#hooks.ended()) return;
    this.#threadWaits = false;
    const room = this.#inbox.room(this.#textBytes);
    try {
      const got = this.#fetch(room.bytes, room.start);
      if (got >= 0) this.#hooks.took(room.bytes, room.view, room.start, got);
    } catch (error) {
      this.#hooks.failed(error);
    }
    if (this.#hooks.readable()) this.#hooks.settle();
    this.#listenNow();
  }

  #fetch(bytes: Buffer, start: number): number {
    return this.#thread!.fetch(bytes, start, start + this.#textBytes);
  }

  #receive(bytes: Buffer, start: number, spinUs: number): number {
    return this.#native.receiveMessage(this.#queue, 0, bytes, start, start + this.#textBytes, spinUs);
  }
}
