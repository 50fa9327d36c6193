import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type ByteStream, FAILED, type Peer, READABLE } from '@callgate/core/transport';
import type { Place } from './place.js';

/** Datagrams that wait here until the link takes them; more are lost, as they would be in the system. */
const KEPT = 512;

/** A connected `node:dgram` socket, for the event loop only. Writing is never full: what the system has no room for is lost. */
export class NodeDatagrams implements ByteStream {
  readonly blocking = false;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  readonly #socket: Socket;
  readonly #onAbort: () => void;
  readonly #kept: Buffer[] = [];
  #error: Error | undefined;
  #watched = 0;
  #scheduled = false;
  #open = true;

  constructor(socket: Socket, address: string, onAbort: () => void = () => undefined) {
    this.#socket = socket;
    this.#onAbort = onAbort;
    this.peer = Object.freeze({ address });
    socket.on('message', (message) => {
      if (this.#kept.length < KEPT) this.#kept.push(message);
      this.#tell();
    });
    socket.on('error', (error) => this.#fail(error));
    socket.unref();
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    const message = this.#kept.shift();
    if (message !== undefined) return message.copy(bytes, start, 0, Math.min(message.length, end - start));
    this.#throwError();
    return -1;
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    this.#throwError();
    // Sent later, perhaps, when the link's memory holds another message.
    this.#socket.send(Buffer.from(bytes.subarray(start, end)), (error) => {
      if (error) this.#fail(error);
    });
    return end - start;
  }

  waitRead(): number {
    return this.wait();
  }

  wait(): number {
    throw new Error('a node:dgram socket cannot block');
  }

  watch(events: number): void {
    this.#watched = events;
    if (this.#ready !== 0) this.#tell();
  }

  ref(): void {
    if (this.#open) this.#socket.ref();
  }

  unref(): void {
    if (this.#open) this.#socket.unref();
  }

  close(): undefined {
    this.abort();
  }

  abort(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#kept.length = 0;
    this.#onAbort();
    // What was sent in this turn of the event loop is with the system only in the next.
    setImmediate(() => this.#socket.close());
  }

  get #ready(): number {
    return (this.#kept.length > 0 ? READABLE : 0) | (this.#error === undefined ? 0 : READABLE | FAILED);
  }

  #fail(error: Error): void {
    if (!this.#open) return;
    this.#error = error;
    this.#tell();
  }

  #throwError(): void {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
  }

  /** Level-triggered, once a turn. */
  #tell(): void {
    if (this.#scheduled || !this.#open) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const events = this.#ready;
      if (!this.#open || (this.#watched & READABLE) === 0 || events === 0) return;
      this.onEvents(events);
      if (this.#ready !== 0) this.#tell();
    });
  }
}

/** Binds, if there is a place to bind to, and connects, if there is one to connect to. Rejects with system errors. */
export async function openSocket(local: Place | undefined, remote: Place | undefined, reuse: boolean): Promise<Socket> {
  const v6 = isIPv6((local ?? remote)!.host);
  const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', reuseAddr: reuse, ipv6Only: v6 });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      const connect = (): void => {
        if (remote === undefined) resolve();
        else socket.connect(remote.port, remote.host, (error?: Error) => (error ? reject(error) : resolve()));
      };
      if (local === undefined) connect();
      else socket.bind({ port: local.port, address: local.host, exclusive: true }, connect);
    });
    socket.removeAllListeners('error');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

export async function connectNodeSocket(place: Place, address: string): Promise<NodeDatagrams> {
  return new NodeDatagrams(await openSocket(undefined, place, false), address);
}
