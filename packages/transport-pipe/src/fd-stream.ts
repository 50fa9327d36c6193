import { type ByteStream, type Deadline, HUNG_UP, type Peer, READABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';

/** One end of one pipe as the half of a byte stream, over the native addon. Owns the descriptor. */
export abstract class FdStream implements ByteStream {
  readonly blocking = true;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  protected readonly native: NativeAddon;
  protected readonly fd: Fd;
  /** The events that this end can have; whoever waits for others waits for the end of the stream. */
  readonly #events: number;
  readonly #polled: readonly Fd[];
  readonly #polledFor: number[] = [0];
  #watcher: Watcher | undefined;
  #alive = false;

  constructor(native: NativeAddon, fd: Fd, peer: Peer, events: number) {
    this.native = native;
    this.fd = fd;
    this.peer = Object.freeze(peer);
    this.#events = events;
    this.#polled = [fd];
  }

  abstract tryRead(bytes: Buffer, start: number, end: number): number;
  abstract tryWrite(bytes: Buffer, start: number, end: number): number;

  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    for (;;) {
      const got = this.tryRead(bytes, start, end);
      if (got !== -1) return got;
      const found = this.wait(READABLE, deadline);
      if (found === 0) return -1;
      // An end that only sends has nothing to read but the end.
      if ((found & READABLE) === 0) return 0;
    }
  }

  wait(events: number, deadline: Deadline): number {
    this.#polledFor[0] = events & this.#events;
    const timeoutMs = deadline === Number.POSITIVE_INFINITY ? deadline : Math.max(deadline - performance.now(), 0);
    return this.native.poll(this.#polled, this.#polledFor, timeoutMs);
  }

  watch(events: number): void {
    if (this.#watcher === undefined) {
      if (events === 0) return;
      this.#watcher = this.native.createWatcher(this.fd, (found) => this.onEvents(found));
      if (!this.#alive) this.#watcher.unref();
    }
    this.#watcher.watch(events & (this.#events | HUNG_UP));
  }

  ref(): void {
    this.#alive = true;
    this.#watcher?.ref();
  }

  unref(): void {
    this.#alive = false;
    this.#watcher?.unref();
  }

  close(): Promise<void> | undefined {
    this.abort();
    return undefined;
  }

  abort(): void {
    this.#watcher = undefined;
    this.fd.close();
  }
}
