import { CPU, type Deadline, type Doorbell, type Segment } from '@callgate/core/transport';
import type { Fd, Mapping, NativeAddon, Watcher } from '@callgate/native';

const READABLE = 1;
const DISCONNECT = 4;
/** Hung up or broken, of the second of two polled descriptors. */
const SECOND_GONE = (4 | 8) << 4;
const WAIT_EVENTS = [READABLE, DISCONNECT];
const LOOK_EVENTS = [DISCONNECT];

export interface ShmDoorbellParts {
  readonly addon: NativeAddon;
  readonly mapping: Mapping;
  readonly segment: Segment;
  readonly side: 'connector' | 'acceptor';
  /** Rung by the peer. */
  readonly own: Fd;
  /** Rung by this side. */
  readonly peers: Fd;
  /** The socket at which the peers met. Nothing more is said on it; that it hangs up is the news of a death. */
  readonly socket: Fd;
}

/** Doorbells as eventfds, in reach of both a blocked thread (poll) and an event loop (uv_poll). Source: eventfd(2). */
export class ShmDoorbell implements Doorbell {
  readonly #parts: ShmDoorbellParts;
  readonly #waitFds: readonly Fd[];
  readonly #lookFds: readonly Fd[];
  readonly #words: Int32Array;
  /** Index of each end's own word in pairs of words. */
  readonly #own: 0 | 1;
  readonly #peer: 0 | 1;
  #bellWatcher: Watcher | undefined;
  #socketWatcher: Watcher | undefined;
  #gone = false;
  #closed = false;

  constructor(parts: ShmDoorbellParts) {
    this.#parts = parts;
    this.#waitFds = [parts.own, parts.socket];
    this.#lookFds = [parts.socket];
    this.#words = parts.segment.words;
    this.#own = parts.side === 'connector' ? 0 : 1;
    this.#peer = this.#own === 0 ? 1 : 0;
    this.#publishCpu();
  }

  ring(): void {
    if (!this.#closed) this.#parts.addon.ringEventFd(this.#parts.peers);
  }

  inTheWay(): boolean {
    const cpu = this.#publishCpu();
    return Atomics.load(this.#words, CPU + this.#peer) === cpu;
  }

  wait(deadline: Deadline): void {
    const { addon, own } = this.#parts;
    const events = addon.poll(this.#waitFds, WAIT_EVENTS, deadline - performance.now());
    if ((events & READABLE) !== 0) addon.drainEventFd(own);
    this.#publishCpu();
    if ((events & SECOND_GONE) !== 0) this.#gone = true;
  }

  listen(onWake: () => void): void {
    const { addon, own, socket } = this.#parts;
    this.#bellWatcher = addon.createWatcher(own, () => {
      addon.drainEventFd(own);
      this.#publishCpu();
      onWake();
    });
    this.#socketWatcher = addon.createWatcher(socket, () => {
      this.#gone = true;
      this.#socketWatcher?.watch(0);
      onWake();
    });
    this.#bellWatcher.unref();
    this.#socketWatcher.unref();
    this.#bellWatcher.watch(READABLE);
    this.#socketWatcher.watch(DISCONNECT);
  }

  hungUp(look: boolean): boolean {
    if (look && !this.#gone && this.#parts.addon.poll(this.#lookFds, LOOK_EVENTS, 0) !== 0) this.#gone = true;
    return this.#gone;
  }

  ref(): void {
    this.#bellWatcher?.ref();
  }

  unref(): void {
    this.#bellWatcher?.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#bellWatcher?.close();
    this.#socketWatcher?.close();
    const { mapping, own, peers, socket } = this.#parts;
    own.close();
    peers.close();
    socket.close();
    mapping.close();
  }

  /** Returns what it has written: the number of this thread's processor, plus 1. */
  #publishCpu(): number {
    const cpu = this.#parts.addon.currentCpu() + 1;
    Atomics.store(this.#words, CPU + this.#own, cpu);
    return cpu;
  }
}
