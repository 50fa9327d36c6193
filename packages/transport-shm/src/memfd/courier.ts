import { type Handle, type HandlesBeside, MOST_HANDLES } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';

/** Handles of a message, and memory that it is the first to refer to. */
const MOST_AT_ONCE = 2 * MOST_HANDLES;
/** The byte that handles travel with: for the other side a ring like any other. */
const BYTE = Buffer.alloc(1);
/** Room for rings that nobody slept for. What does not fit wakes once more. Nothing that is read is looked at. */
const RINGS = Buffer.alloc(256);
/** Messages' handles that a peer may send ahead of the messages: more than its writer ever does. */
const MOST_AHEAD = 256;

/**
 * Handles on the socket at which the doorbells ring (SCM_RIGHTS, unix(7)). Those of one message are sent with one byte,
 * and the kernel never joins two such bytes into one read: so each read that brings some brings those of one message.
 */
export class SocketCourier implements HandlesBeside {
  readonly most = MOST_HANDLES;
  readonly #addon: NativeAddon;
  readonly #socket: Fd;
  /** What has come, a list for each message. */
  readonly #arrived: Fd[][] = [];
  /** What went wrong with a read, for whoever asks for handles next. */
  #problem: unknown;

  constructor(addon: NativeAddon, socket: Fd) {
    this.#addon = addon;
    this.#socket = socket;
  }

  send(handles: readonly Handle[]): boolean {
    const numbers = handles.map((handle) => handle.value);
    return this.#addon.sendWithFds(this.#socket, BYTE, 0, 1, numbers) === 1;
  }

  take(count: number): readonly Handle[] | undefined {
    while (this.#arrived.length === 0 && this.read() > 0);
    if (this.#problem !== undefined) throw this.#problem;
    const handles = this.#arrived.shift();
    if (handles === undefined || handles.length === count) return handles;
    for (const handle of handles) handle.close();
    return undefined;
  }

  /** Takes rings, and what came with them. Bytes read; 0 when the peer has hung up, -1 when nothing is there. */
  read(): number {
    const handles: Fd[] = [];
    try {
      const count = this.#addon.receiveWithFds(this.#socket, RINGS, 0, RINGS.length, handles, MOST_AT_ONCE);
      if (handles.length === 0) return count;
      if (this.#arrived.length < MOST_AHEAD) this.#arrived.push(handles);
      else for (const handle of handles) handle.close();
      return count;
    } catch (error) {
      this.#problem = error;
      throw error;
    }
  }

  close(): void {
    for (const handles of this.#arrived.splice(0)) for (const handle of handles) handle.close();
  }
}
