import { unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { fromErrno } from '../../errors/index.js';
import type { Link, Transport } from '../../transport/contract.js';
import type { Fault, Faults } from './faults.js';
import { type Carrier, ReferenceLink } from './link.js';
import {
  capabilitiesOf,
  checkPatience,
  connectSync,
  inUse,
  refuseRules,
  resolveLimit,
  unreachable,
  validateOptions,
} from './reference.js';

const CAPACITY_BYTES = 100_000;
/** Stand where a length would: no message is as long as these. */
const GOODBYE = 0xffffffff;
const HELLO = 0xfffffffe;
const HEADER_BYTES = 4;

/** A link over a Unix socket of node:net: each message with its length in front. */
class SocketCarrier implements Carrier {
  readonly #link: ReferenceLink;
  readonly #socket: Socket;
  readonly #faults: Faults;
  #rest: Buffer = Buffer.alloc(0);
  readonly #onHello: (() => void) | undefined;
  #greeted = false;
  #silence: NodeJS.Timeout | undefined;

  /** `onHello` makes the accepting end: until the other one has spoken, it may be somebody who only knocks. */
  constructor(link: ReferenceLink, socket: Socket, faults: Faults, onHello: (() => void) | undefined) {
    this.#link = link;
    this.#onHello = onHello;
    if (onHello === undefined) socket.write(marker(HELLO));
    this.#socket = socket;
    this.#faults = faults;
    socket.on('data', (bytes) => this.#onData(bytes));
    socket.on('drain', () => link.roomAgain());
    socket.on('error', () => {});
    socket.on('close', () => this.#onGone());
    socket.on('end', () => this.#onGone());
    this.hold(false);
    this.#heard();
  }

  room(bytes: number): boolean {
    const waiting = this.#socket.writableLength;
    return waiting === 0 || waiting + bytes + HEADER_BYTES <= CAPACITY_BYTES;
  }

  send(message: Buffer): void {
    this.#socket.write(Buffer.concat([marker(message.length), message]));
  }

  taken(waitingBytes: number): void {
    if (waitingBytes < CAPACITY_BYTES / 2) this.#socket.resume();
  }

  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.end(marker(GOODBYE), () => resolve());
    });
  }

  drop(): void {
    clearTimeout(this.#silence);
    this.#socket.destroy();
  }

  hold(alive: boolean): void {
    if (alive) this.#socket.ref();
    else this.#socket.unref();
  }

  #onData(bytes: Buffer): void {
    this.#heard();
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= HEADER_BYTES) {
      const length = this.#rest.readUInt32LE();
      if (length === GOODBYE) this.#link.peerEnded(true);
      if (length === GOODBYE) return;
      const end = HEADER_BYTES + (length === HELLO ? 0 : length);
      if (this.#rest.length < end) break;
      const message = this.#rest.subarray(HEADER_BYTES, end);
      this.#rest = this.#rest.subarray(end);
      if (length === HELLO) this.#greet();
      else this.#link.deliver(message);
    }
    if (this.#link.waitingBytes > CAPACITY_BYTES) this.#socket.pause();
  }

  #greet(): void {
    this.#greeted = true;
    this.#onHello?.();
  }

  #onGone(): void {
    clearTimeout(this.#silence);
    // Whoever only knocked has no link that would let go of the socket.
    if (this.#onHello !== undefined && !this.#greeted) this.#socket.destroy();
    if (this.#faults.has('delivers half a message of the dead') && this.#rest.length > HEADER_BYTES) {
      this.#link.deliver(this.#rest.subarray(HEADER_BYTES));
    }
    const tell = () => this.#link.peerEnded(this.#faults.has('takes death for an orderly end'));
    if (this.#faults.has('notices death late')) setTimeout(tell, 250);
    else tell();
  }

  /** The beginning of every wrong idea of how to notice death. */
  #heard(): void {
    if (!this.#faults.has('takes silence for death')) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#link.peerEnded(false), 300);
  }
}

function marker(length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(length);
  return bytes;
}

/** A transport between processes, not blocking: as little as keeps the contract. */
export function createNetTransport(list: readonly Fault[]): Transport {
  const faults: Faults = new Set(list);
  const open = (socket: Socket, address: string, limit: number, onLink?: (link: Link) => void): ReferenceLink => {
    const link = new ReferenceLink({ address }, limit, faults);
    link.carrier = new SocketCarrier(link, socket, faults, onLink && (() => onLink(link)));
    return link;
  };
  return {
    scheme: 'net',
    capabilities: capabilitiesOf(faults, true),
    validateOptions,
    connectSync,
    async connect(address, options, deadline, signal) {
      const limit = resolveLimit(options, faults);
      checkPatience(deadline, signal);
      return open(await dial(address.path, address.url), address.url, limit);
    },
    async listen(address, options, onLink) {
      const limit = resolveLimit(options, faults);
      refuseRules(options, faults);
      const accept = (socket: Socket) => void open(socket, 'net:client', limit, onLink);
      const server = await listenAt(address.path, address.url, accept);
      return {
        url: address.url,
        async close() {
          // The callback of `close` waits for the connections, which are none of the listener's business.
          if (server.listening) server.close();
        },
        ref: () => void server.ref(),
        unref: () => void server.unref(),
      };
    },
  };
}

function dial(path: string, url: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(nobody ? unreachable(url, error) : fromErrno(error, `connect to ${url}`));
    });
  });
}

async function listenAt(path: string, url: string, accept: (socket: Socket) => void): Promise<Server> {
  for (;;) {
    const server = createServer({ allowHalfOpen: true }, accept);
    const problem = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(path, () => resolve(undefined));
    });
    if (problem === undefined) return server;
    if (problem.code !== 'EADDRINUSE') throw fromErrno(problem, `listen at ${url}`);
    const dead = await dial(path, url).then(
      (socket) => void socket.destroy(),
      () => true,
    );
    if (!dead) throw inUse(url);
    unlinkSync(path);
  }
}
