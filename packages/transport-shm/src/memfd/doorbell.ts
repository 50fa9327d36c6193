import { CPU, type Deadline, type Doorbell, type Segment } from '@callgate/core/transport';
import type { Fd, Mapping, NativeAddon, Watcher } from '@callgate/native';
import { SocketCourier } from './courier.js';

const READABLE = 1;
const DISCONNECT = 4;
/** Hung up or broken. */
const GONE = 4 | 8;
const WAIT_EVENTS = [READABLE | DISCONNECT];
const LOOK_EVENTS = [DISCONNECT];
/** One ring: the byte means nothing. */
const RING = Buffer.alloc(1);

export interface ShmDoorbellParts {
  readonly addon: NativeAddon;
  readonly mapping: Mapping;
  readonly segment: Segment;
  readonly side: 'connector' | 'acceptor';
  /** The socket at which the peers met: a byte is a ring, and that it hangs up is the news of a death. */
  readonly socket: Fd;
}

/**
 * Doorbells as bytes on a socket, in reach of both a blocked thread (poll) and an event loop (uv_poll).
 *
 * An eventfd would be a little cheaper, but both sides share its open file description, so that a peer can clear its
 * O_NONBLOCK, fill its counter, and have whoever rings or drains it next block for ever. Each end of a socket has its
 * own, and send(2) and recv(2) take MSG_DONTWAIT besides.
 */
export class ShmDoorbell implements Doorbell {
  readonly #parts: ShmDoorbellParts;
  readonly #polled: readonly Fd[];
  readonly #words: Int32Array;
  /** Index of each end's own word in pairs of words. */
  readonly #own: 0 | 1;
  readonly #peer: 0 | 1;
  #watcher: Watcher | undefined;
  #gone = false;
  #closed = false;

  readonly beside: SocketCourier;

  constructor(parts: ShmDoorbellParts) {
    this.#parts = parts;
    this.beside = new SocketCourier(parts.addon, parts.socket);
    this.#polled = [parts.socket];
    this.#words = parts.segment.words;
    this.#own = parts.side === 'connector' ? 0 : 1;
    this.#peer = this.#own === 0 ? 1 : 0;
    this.#publishCpu();
  }

  ring(): void {
    if (this.#closed) return;
    try {
      // A full socket has been rung often enough.
      this.#parts.addon.write(this.#parts.socket, RING, 0, 1);
    } catch {
      // Nobody is there to hear it, which is noticed by hanging up.
    }
  }

  inTheWay(): boolean {
    const cpu = this.#publishCpu();
    return Atomics.load(this.#words, CPU + this.#peer) === cpu;
  }

  leave(): boolean {
    const left = this.#parts.addon.leaveCpu();
    this.#publishCpu();
    return left;
  }

  wait(deadline: Deadline): void {
    this.#heed(this.#parts.addon.poll(this.#polled, WAIT_EVENTS, deadline - performance.now()));
  }

  listen(onWake: () => void): void {
    const { addon, socket } = this.#parts;
    this.#watcher = addon.createWatcher(socket, (events) => {
      this.#heed(events);
      // It would be told again and again.
      if (this.#gone) this.#watcher?.watch(0);
      onWake();
    });
    this.#watcher.unref();
    this.#watcher.watch(READABLE | DISCONNECT);
  }

  hungUp(look: boolean): boolean {
    if (look && !this.#gone && this.#parts.addon.poll(this.#polled, LOOK_EVENTS, 0) !== 0) this.#gone = true;
    return this.#gone;
  }

  ref(): void {
    this.#watcher?.ref();
  }

  unref(): void {
    this.#watcher?.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher?.close();
    this.beside.close();
    this.#parts.socket.close();
    this.#parts.mapping.close();
  }

  /** Takes the rings that have come. */
  #heed(events: number): void {
    if ((events & READABLE) !== 0) {
      try {
        this.beside.read();
      } catch (error) {
        // With too few descriptors left, what came is lost: whoever asks for it hears of it.
        if ((error as NodeJS.ErrnoException).code !== 'EMFILE') this.#gone = true;
      }
    }
    if ((events & GONE) !== 0) this.#gone = true;
    this.#publishCpu();
  }

  /** Returns what it has written: the number of this thread's processor, plus 1. */
  #publishCpu(): number {
    const cpu = this.#parts.addon.currentCpu() + 1;
    Atomics.store(this.#words, CPU + this.#own, cpu);
    return cpu;
  }
}
