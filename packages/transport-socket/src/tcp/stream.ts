import { type Deadline, FAILED, READABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { NativeStream } from '../native-stream.js';
import type { ResolvedTcpOptions } from './options.js';
import { urlOf } from './place.js';

/** Milliseconds that `close` gives the peer's system to take the last bytes, and between two looks whether it has. */
const CLOSE_MS = 2000;
const CLOSE_LOOK_MS = 5;
/** How often within `unansweredMs` to look. */
const LOOKS = 4;
const dropped = Buffer.alloc(65_536);

/** A connected TCP socket as a byte stream, over the native addon. Owns the descriptor. */
export class TcpStream extends NativeStream {
  readonly #unansweredMs: number;
  /** Runs while something may be unanswered. It keeps nothing alive. */
  #timer: NodeJS.Timeout | undefined;
  /** When the peer's system was first seen to owe an answer. */
  #owesSince: number | undefined;
  #dead: Error | undefined;
  #watched = 0;

  /** `address`: what the peer is known by. Closes the socket when it throws. */
  constructor(native: NativeAddon, socket: Fd, address: string, options: ResolvedTcpOptions) {
    super(native, socket, { address });
    this.#unansweredMs = options.unansweredMs;
    try {
      native.tuneTcp(
        socket,
        Math.ceil(options.keepAliveIdleMs / 1000),
        Math.ceil(options.keepAliveIntervalMs / 1000),
        options.keepAliveCount,
        options.bufferBytes,
      );
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  override tryRead(bytes: Buffer, start: number, end: number): number {
    const got = super.tryRead(bytes, start, end);
    if (got === -1 && this.#dead !== undefined) throw this.#dead;
    return got;
  }

  override tryWrite(bytes: Buffer, start: number, end: number): number {
    if (this.#dead !== undefined) throw this.#dead;
    const taken = super.tryWrite(bytes, start, end);
    this.#timer ?? this.#lookLater();
    return taken;
  }

  override waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    if (this.#unansweredMs === 0) return super.waitRead(bytes, start, end, deadline);
    for (;;) {
      const next = performance.now() + this.#unansweredMs / LOOKS;
      const got = super.waitRead(bytes, start, end, Math.min(deadline, next));
      if (got !== -1 || deadline <= next) return got;
      if (this.#isSilent()) throw this.#dead;
    }
  }

  override wait(events: number, deadline: Deadline): number {
    if (this.#unansweredMs === 0) return super.wait(events, deadline);
    for (;;) {
      const next = performance.now() + this.#unansweredMs / LOOKS;
      const found = super.wait(events, Math.min(deadline, next));
      if (found !== 0 || deadline <= next) return found;
      if (this.#isSilent()) return FAILED;
    }
  }

  override watch(events: number): void {
    this.#watched = events;
    super.watch(events);
  }

  /**
   * A closed socket that has unread bytes, or gets more, is reset, and its peer's system then drops what is still under
   * way. So: the end first, then read and drop until the peer's system has all, or the peer has ended.
   */
  override close(): Promise<void> | undefined {
    try {
      this.native.endSocket(this.socket);
      if (this.#isTaken()) {
        this.abort();
        return undefined;
      }
    } catch {
      this.abort();
      return undefined;
    }
    const until = performance.now() + CLOSE_MS;
    return new Promise((resolve) => {
      const look = (): void => {
        if (performance.now() < until && !this.#isTaken()) return;
        clearInterval(timer);
        this.abort();
        resolve();
      };
      const timer = setInterval(look, CLOSE_LOOK_MS);
      this.onEvents = look;
      super.watch(READABLE);
    });
  }

  override abort(): void {
    clearTimeout(this.#timer);
    super.abort();
  }

  /** Reads and drops. True when the peer's system has everything but perhaps the end itself, which counts as a byte. */
  #isTaken(): boolean {
    try {
      for (;;) {
        const got = super.tryRead(dropped, 0, dropped.length);
        if (got === 0) return true;
        if (got === -1) return this.native.unreadBytes(this.socket) <= 1;
      }
    } catch {
      return true;
    }
  }

  #lookLater(): void {
    if (this.#unansweredMs === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.socket.value === -1) return;
      if (this.#isSilent()) {
        if (this.#watched !== 0) this.onEvents(FAILED);
      } else if (this.native.unreadBytes(this.socket) > 0) this.#lookLater();
    }, this.#unansweredMs / LOOKS);
    this.#timer.unref();
  }

  /** Whether the peer's system has owed an answer for too long: the stream has failed then. */
  #isSilent(): boolean {
    const silentMs = this.native.silentMs(this.socket);
    if (silentMs === 0) {
      this.#owesSince = undefined;
      return false;
    }
    const now = performance.now();
    // Both: silence alone may have begun long before anything was asked.
    this.#owesSince ??= now;
    if (silentMs < this.#unansweredMs || now - this.#owesSince < this.#unansweredMs) return false;
    const message = `nothing that was sent has been acknowledged for ${silentMs} ms (unansweredMs: ${this.#unansweredMs})`;
    this.#dead = Object.assign(new Error(message), { code: 'ETIMEDOUT' });
    return true;
  }
}

/** The URL of who has connected, or, when it has gone already, of where it came to. */
export function callerUrl(native: NativeAddon, socket: Fd, url: string): string {
  try {
    return urlOf(native.inetAddress(socket, true));
  } catch {
    return url;
  }
}
