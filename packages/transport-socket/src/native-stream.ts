import type { ByteStream, Deadline, Peer } from '@callgate/core/transport';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';

/** A connected stream socket as a byte stream, over the native addon. Owns the descriptor. */
export class NativeStream implements ByteStream {
  readonly blocking = true;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  protected readonly native: NativeAddon;
  protected readonly socket: Fd;
  /** The arguments of `poll`, made once. */
  readonly #polled: readonly Fd[];
  readonly #polledFor: [number] = [0];
  #watcher: Watcher | undefined;

  constructor(native: NativeAddon, socket: Fd, peer: Peer) {
    this.native = native;
    this.socket = socket;
    this.#polled = [socket];
    this.peer = Object.freeze(peer);
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    return this.native.read(this.socket, bytes, start, end);
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    return this.native.write(this.socket, bytes, start, end);
  }

  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    return this.native.read(this.socket, bytes, start, end, timeLeft(deadline));
  }

  wait(events: number, deadline: Deadline): number {
    this.#polledFor[0] = events;
    return this.native.poll(this.#polled, this.#polledFor, timeLeft(deadline));
  }

  watch(events: number): void {
    if (this.#watcher === undefined) {
      if (events === 0) return;
      this.#watcher = this.native.createWatcher(this.socket, (found) => this.onEvents(found));
      this.#watcher.unref();
    }
    this.#watcher.watch(events);
  }

  ref(): void {
    this.#watcher?.ref();
  }

  unref(): void {
    this.#watcher?.unref();
  }

  /** What was written to a Unix socket stays readable for the peer after this side has closed. */
  close(): Promise<void> | undefined {
    this.abort();
    return undefined;
  }

  abort(): void {
    this.#watcher = undefined;
    this.socket.close();
  }
}

/** In milliseconds, as the addon wants it. */
export function timeLeft(deadline: Deadline): number {
  return deadline === Number.POSITIVE_INFINITY ? deadline : Math.max(deadline - performance.now(), 0);
}
