import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setImmediate as queueImmediate } from 'node:timers';
import { setImmediate } from 'node:timers/promises';
import {
  type ByteStream,
  type Deadline,
  FAILED,
  HUNG_UP,
  type Peer,
  READABLE,
  WRITABLE,
} from '@callgate/core/transport';

/** Received bytes that are kept before the socket is paused. */
const KEPT_BYTES = 262_144;
/** Bytes handed to the socket at once; no more before these are with the system. */
const WRITTEN_AT_ONCE = 65_536;
/** Milliseconds that `close` gives the system to take the last bytes. */
const CLOSE_MS = 2000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A connected `node:net` socket as a byte stream: for the event loop only, and without credentials. */
export class NodeStream implements ByteStream {
  readonly blocking = false;
  blockingRemedy: string | undefined;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first chunk that are read already. */
  #offset = 0;
  #kept = 0;
  #ended = false;
  #error: Error | undefined;
  #watched = 0;
  #scheduled = false;
  #released = false;
  readonly #lingers: boolean;

  /**
   * `lingers`: what was written is not safe before the peer has ended, too. `explain` puts what goes wrong into words.
   */
  constructor(socket: Socket, peer: Peer, lingers = false, explain = (error: Error): Error => error) {
    this.#lingers = lingers;
    this.peer = Object.freeze(peer);
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#released) return;
      this.#chunks.push(chunk);
      this.#kept += chunk.length;
      if (this.#kept >= KEPT_BYTES) socket.pause();
      this.#deliver();
    });
    const end = (error?: Error): void => {
      this.#ended = true;
      this.#error ??= error && explain(error);
      this.#deliver();
    };
    socket.on('end', end);
    socket.on('error', end);
    socket.on('close', () => end());
    socket.on('drain', () => this.#deliver());
    socket.unref();
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    const chunk = this.#chunks[0];
    if (chunk === undefined) {
      if (this.#error !== undefined) throw this.#error;
      return this.#ended ? 0 : -1;
    }
    const count = chunk.copy(bytes, start, this.#offset, Math.min(chunk.length, this.#offset + end - start));
    this.#offset += count;
    this.#kept -= count;
    if (this.#offset === chunk.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    if (this.#kept < KEPT_BYTES && this.#socket.isPaused()) this.#socket.resume();
    return count;
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    if (this.#error !== undefined) throw this.#error;
    if (!this.#socket.writable) throw Object.assign(new Error('the socket is closed'), { code: 'EPIPE' });
    if (this.#socket.writableLength > 0) return -1;
    const count = Math.min(end - start, WRITTEN_AT_ONCE);
    // A copy, since the socket may keep it beyond this call. The callback: 'drain' does not follow every write.
    this.#socket.write(Buffer.from(bytes.subarray(start, start + count)), () => this.#deliver());
    return count;
  }

  waitRead(): never {
    throw new Error('not a blocking stream');
  }

  wait(): never {
    throw new Error('not a blocking stream');
  }

  watch(events: number): void {
    this.#watched = events;
    this.#schedule();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  close(): Promise<void> {
    this.#released = true;
    const socket = this.#socket;
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (socket.destroyed) resolve();
      // What was written to a Unix socket stays readable for the peer after this side has closed.
      socket.end(this.#lingers ? undefined : () => socket.destroy());
      // What is unread would have TCP drop what the peer has not got yet.
      if (this.#lingers) socket.resume();
    });
  }

  abort(): void {
    this.#released = true;
    this.#socket.destroy();
  }

  /** The events that are watched and the case. */
  get #due(): number {
    if (this.#released) return 0;
    let events = this.#chunks.length > 0 || this.#ended ? READABLE : 0;
    if (this.#socket.writableLength === 0) events |= WRITABLE;
    events &= this.#watched;
    if (this.#ended && this.#watched !== 0) events |= this.#error === undefined ? HUNG_UP : FAILED;
    return events;
  }

  #deliver(): void {
    const events = this.#due;
    if (events !== 0) this.onEvents(events);
    this.#schedule();
  }

  /** Level-triggered: what is still the case is told again in the next turn of the loop. */
  #schedule(): void {
    if (this.#scheduled || this.#due === 0) return;
    this.#scheduled = true;
    queueImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }
}

/**
 * Connects. Reads first what a refusing server says: once a write has failed, `node:net` drops what it has not read.
 * Rejects with a system error; ETIMEDOUT at the deadline; or with the signal's reason.
 */
export async function connectNodeStream(
  to: NetConnectOpts,
  address: string,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<NodeStream> {
  const stream = new NodeStream(await connectNodeSocket(to, deadline, signal), { address }, !('path' in to));
  // The second comes after the loop has looked at its descriptors.
  await setImmediate();
  await setImmediate();
  return stream;
}

export function connectNodeSocket(to: NetConnectOpts, deadline: Deadline, signal?: AbortSignal): Promise<Socket> {
  return until('connect', connect(to), deadline, signal);
}

/** The socket, once it has had the event that says that it is connected; it is gone when this rejects, as above. */
export function until<S extends Socket>(
  event: 'connect' | 'secureConnect',
  socket: S,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const give = (error: unknown): void => {
      socket.destroy();
      done();
      reject(error);
    };
    const onAbort = (): void => give(signal?.reason);
    const left = Math.min(Math.max(deadline - performance.now(), 0), LONGEST_TIMER_MS);
    const timer = setTimeout(() => give(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), left);
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', give);
    };
    signal?.addEventListener('abort', onAbort);
    socket.on('error', give);
    socket.once(event, () => {
      done();
      resolve(socket);
    });
  });
}
