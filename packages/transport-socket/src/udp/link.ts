import type { RpcError } from '@callgate/core/errors';
import {
  abortedHere,
  type ByteStream,
  cannotBlock,
  checkHandles,
  closedHere,
  type Deadline,
  describePeer,
  FAILED,
  type Handle,
  type Link,
  type LinkEnd,
  misuse,
  NO_HANDLES,
  type Peer,
  peerClosed,
  READABLE,
  type Span,
  tooLarge,
  Waiter,
  WRITABLE,
} from '@callgate/core/transport';
import { failed, isUnreachable, reset, type Side, silent } from './ends.js';
import { GREETING_BYTES, HEAD_BYTES, Kind, kindOf, writeGreeting, writeHead } from './layout.js';
import { Life } from './life.js';
import { Loners } from './loners.js';
import { type MutableSpan, memory } from './memory.js';

const NEVER = Number.POSITIVE_INFINITY;
const yes = Promise.resolve(true);
const no = Promise.resolve(false);
export interface UdpLinkOptions {
  /** Of both sides the smaller. */
  readonly maxMessageBytes: number;
  readonly whileUnreachable: 'fail' | 'wait';
  /** After so many ms of silence the server forgets the client. */
  readonly idleMs: number;
  readonly side: Side;
}

/**
 * A link over a connected UDP socket, which it owns: one message, one datagram, sent when it is committed. Datagrams
 * that are not the peer's own words on this very link are passed over.
 */
export class UdpLink implements Link {
  readonly peer: Peer;
  readonly direction = 'duplex';
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  end: LinkEnd | undefined;
  #settleClosed!: (end: LinkEnd) => void;
  readonly #socket: ByteStream;
  readonly #id: bigint;
  /** The same as two numbers, to be compared with what comes. */
  readonly #idLow: number;
  readonly #idHigh: number;
  readonly #options: UdpLinkOptions;
  readonly #who: string;
  /** The datagram that is claimed, or that found the socket full. */
  readonly #out: MutableSpan;
  #claimed = -1;
  /** Bytes of a datagram that the socket had no room for; 0: none. */
  #stuck = 0;
  /** The datagram that came last. One byte more than is permitted, to know those that are too long. */
  readonly #in: MutableSpan;
  /** It holds a message that nobody has received yet. */
  #held = false;
  #lent = false;
  /** Nothing came when this side looked last, and it has not been told since that something did. */
  #dry = false;
  /** Somebody blocks here: reading right after sending would be a system call for nothing. */
  #blocks = false;
  #fresh = false;
  #watching = true;
  /** What the socket has been told last: what to watch for, and whether to keep the event loop alive. */
  #watched = READABLE;
  #alivePending = false;
  readonly #loners = new Loners();
  readonly #reading = new Waiter(() => this.#updateWatch());
  readonly #writing = new Waiter(() => this.#updateWatch());
  #keepAlive = true;
  readonly #life: Life;

  constructor(socket: ByteStream, id: bigint, options: UdpLinkOptions) {
    this.peer = socket.peer;
    this.maxMessageBytes = options.maxMessageBytes;
    this.#socket = socket;
    this.#id = id;
    this.#idLow = Number(id & 0xffff_ffffn);
    this.#idHigh = Number(id >> 32n);
    this.#options = options;
    this.#who = describePeer(this.peer);
    this.#out = memory(HEAD_BYTES + this.maxMessageBytes);
    this.#in = memory(Math.max(HEAD_BYTES + this.maxMessageBytes, GREETING_BYTES) + 1);
    writeHead(this.#out.bytes, Kind.MESSAGE, id);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#life = new Life(options.side, options.idleMs, () => this.#expire());
    socket.onEvents = (events) => this.#onEvents(events);
    socket.watch(READABLE);
  }

  get ended(): boolean {
    return this.end !== undefined && !this.#held;
  }

  claim(bytes: number): Span | null {
    if (this.end !== undefined) throw this.end.error;
    if (!(bytes >= 0 && bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    if (this.#claimed >= 0) throw misuse('claim: the last claim is still open');
    // A thread that blocks elsewhere hears no timer.
    if (this.#blocks && this.#options.side === 'client' && !this.#life.trySpeak()) {
      this.#expire();
      throw this.end!.error;
    }
    if (this.#stuck > 0 && !this.#unstick()) {
      this.#updateWatch();
      return null;
    }
    this.#claimed = bytes;
    this.#out.start = HEAD_BYTES;
    this.#out.end = HEAD_BYTES + bytes;
    return this.#out;
  }

  commit(length: number, handles?: readonly Handle[]): void {
    if (this.end !== undefined) throw this.end.error;
    checkHandles(handles, 0, this.#who);
    if (!(length >= 0 && length <= this.#claimed)) throw misuse(`commit: there is no claim of ${length} bytes`);
    this.#claimed = -1;
    this.#fresh = this.#blocks;
    if (this.#options.side === 'client') this.#life.heard();
    if (!this.#send(this.#out.bytes, HEAD_BYTES + length)) this.#stuck = HEAD_BYTES + length;
  }

  abandon(): void {
    this.#claimed = -1;
  }

  flush(): void {
    if (this.#stuck > 0) this.#unstick();
  }

  receive(): Span | null {
    if (this.#lent) throw misuse('receive: the last message is not released');
    if (this.#fresh) {
      this.#fresh = false;
      if (!this.#held) return null;
    }
    if (this.#leavesToLoop || !this.#look()) return null;
    this.#held = false;
    this.#lent = true;
    return this.#in;
  }

  release(): void {
    this.#lent = false;
    if (!this.#watching) this.#updateWatch();
  }

  takeHandles(): readonly Handle[] {
    return NO_HANDLES;
  }

  pollReadable(): boolean {
    return this.#held || this.end !== undefined;
  }

  waitReadable(deadline: Deadline): boolean {
    this.#mustBlock();
    this.flush();
    this.#blocks = true;
    this.#fresh = false;
    while (!this.#held && this.end === undefined && !this.#lent) {
      if (this.#stuck > 0) {
        if (this.#socket.wait(READABLE | WRITABLE, deadline) === 0) return false;
        this.flush();
        this.#look();
      } else if (!this.#waitRead(deadline)) {
        return false;
      }
    }
    this.#reading.settle(true);
    return true;
  }

  /** Reads one datagram, when it comes; false when the deadline passed first. */
  #waitRead(deadline: Deadline): boolean {
    const { bytes } = this.#in;
    try {
      const length = this.#socket.waitRead(bytes, 0, bytes.length, deadline);
      if (length < 0) return false;
      this.#heed(bytes, length);
    } catch (error) {
      this.#passOver(error);
    }
    return true;
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    this.#mustBlock();
    while (!this.#writable(bytes)) {
      if (this.#socket.wait(WRITABLE, deadline) === 0) return false;
      this.flush();
    }
    return true;
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#reading.waiting) return Promise.reject(misuse('whenReadable: somebody waits already'));
    this.flush();
    if (this.#held || this.end !== undefined) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return this.#look() || this.end !== undefined ? yes : no;
    const promise = this.#reading.start(deadline, signal);
    this.#updateWatch();
    return promise;
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#writing.waiting) return Promise.reject(misuse('whenWritable: somebody waits already'));
    if (this.#writable(bytes)) return yes;
    if (deadline !== NEVER && deadline <= performance.now()) return no;
    const promise = this.#writing.start(deadline, signal);
    this.#updateWatch();
    return promise;
  }

  ref(): void {
    this.#setKeepAlive(true);
  }

  unref(): void {
    this.#setKeepAlive(false);
  }

  /** Says goodbye once: whether that arrives nobody knows, so that there is nothing to wait for. */
  async close(): Promise<void> {
    this.#close();
  }

  closeSync(): void {
    this.#mustBlock();
    this.#close();
  }

  abort(error?: RpcError): void {
    if (this.end !== undefined) return;
    this.#say(Kind.RESET);
    this.#held = false;
    this.#finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  #close(): void {
    if (this.end !== undefined) return;
    this.flush();
    if (this.end !== undefined) return;
    this.#say(Kind.BYE);
    this.#held = false;
    this.#finish({ by: 'local', orderly: this.#stuck === 0, error: closedHere() });
  }

  /** Another message need not be looked for: the event loop will say if one is there. */
  get #leavesToLoop(): boolean {
    return this.#watching && !this.#held && !this.#blocks && this.#loners.expected;
  }

  #mustBlock(): void {
    if (!this.#socket.blocking) throw cannotBlock(this.#who);
  }

  #writable(bytes: number): boolean {
    if (this.#stuck > 0) this.#unstick();
    return this.#stuck === 0 || this.end !== undefined || bytes > this.maxMessageBytes;
  }

  #unstick(): boolean {
    if (this.end !== undefined || !this.#send(this.#out.bytes, this.#stuck)) return false;
    this.#stuck = 0;
    this.#updateWatch();
    return true;
  }

  /** False when the socket has no room now. A datagram that cannot be sent for another reason counts as lost. */
  #send(bytes: Buffer, length: number): boolean {
    for (let tries = 0; tries < 2; tries++) {
      try {
        return this.#socket.tryWrite(bytes, 0, length) >= 0;
      } catch (error) {
        // It tells of an earlier datagram; this one has not been sent.
        if (!this.#passOver(error)) return true;
      }
    }
    return true;
  }

  /** False when the link ends by it. */
  #passOver(error: unknown): boolean {
    if (this.#options.whileUnreachable === 'wait' && isUnreachable(error)) return true;
    this.#finish(failed(this.#who, error));
    return false;
  }

  /** True when a message is held. Reads until one is, or nothing is left. */
  #look(): boolean {
    if (this.#lent) return false;
    const { bytes } = this.#in;
    while (!this.#held && this.end === undefined && !this.#dry) {
      let length: number;
      try {
        length = this.#socket.tryRead(bytes, 0, bytes.length);
      } catch (error) {
        this.#passOver(error);
        continue;
      }
      if (length < 0) {
        this.#dry = true;
        break;
      }
      this.#heed(bytes, length);
    }
    // Unless the event loop says when something comes, whoever looks must look.
    if (this.#blocks || !this.#watching) this.#dry = false;
    return this.#held;
  }

  /** Takes a datagram for what it is. */
  #heed(bytes: Buffer, length: number): void {
    const kind = kindOf(bytes, length);
    if (kind < Kind.HELLO || !this.#isMine(bytes)) return;
    if (kind === Kind.MESSAGE) {
      if (length > HEAD_BYTES + this.maxMessageBytes) return;
      if (this.#options.side === 'server') this.#life.heard();
      this.#in.start = HEAD_BYTES;
      this.#in.end = length;
      this.#held = true;
      this.#loners.came();
    } else if (kind === Kind.BYE) {
      this.#finish(peerClosed(this.#who));
    } else if (kind === Kind.RESET) {
      this.#finish(reset(this.#who, this.#options.side));
    } else if (kind === Kind.OPEN && this.#options.side === 'server') {
      this.sayOpened();
    }
  }

  #isMine(bytes: Buffer): boolean {
    return bytes.readUInt32LE(8) === this.#idLow && bytes.readUInt32LE(12) === this.#idHigh;
  }

  /** The server's last word of the greeting, said again when the client asks again. */
  sayOpened(): void {
    const { maxMessageBytes, idleMs } = this.#options;
    this.#send(writeGreeting({ kind: Kind.OPENED, id: this.#id, maxMessageBytes, idleMs }), GREETING_BYTES);
  }

  #say(kind: number): void {
    const bytes = Buffer.alloc(HEAD_BYTES);
    writeHead(bytes, kind, this.#id);
    try {
      this.#socket.tryWrite(bytes, 0, HEAD_BYTES);
    } catch {
      // There is nobody to hear it.
    }
  }

  #onEvents(events: number): void {
    if (this.end !== undefined) return;
    this.#dry = false;
    this.#loners.event();
    if ((events & WRITABLE) !== 0) {
      this.flush();
      if (this.#writing.waiting && this.#writable(0)) this.#writing.settle(true);
    }
    if ((events & (READABLE | FAILED)) === 0) return;
    // Left unread, it would be reported again and again.
    if (this.#held || this.#lent) this.#updateWatch();
    // Looked into even if nobody waits: it may be the end.
    else if (this.#look()) this.#reading.settle(true);
  }

  #expire(): void {
    // What nobody has read yet was said all the same.
    if (this.#held || this.#lent) return;
    const { side, idleMs } = this.#options;
    this.#say(Kind.BYE);
    this.#finish(silent(this.#who, side, idleMs));
  }

  #finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#life.end();
    this.#socket.abort();
    this.#settleClosed(end);
    this.#reading.settle(true);
    this.#writing.settle(true);
  }

  #setKeepAlive(keepAlive: boolean): void {
    this.#keepAlive = keepAlive;
    this.#reading.keepAlive(keepAlive);
    this.#writing.keepAlive(keepAlive);
    this.#updateWatch();
  }

  /** The socket is watched while what comes can be taken. Pending waits keep the event loop alive. */
  #updateWatch(): void {
    if (this.end !== undefined) return;
    this.#watching = !this.#held && !this.#lent;
    const events = (this.#watching ? READABLE : 0) | (this.#stuck > 0 ? WRITABLE : 0);
    if (events !== this.#watched) {
      this.#watched = events;
      this.#socket.watch(events);
    }
    const alive = this.#keepAlive && (this.#reading.waiting || this.#writing.waiting);
    if (alive === this.#alivePending) return;
    this.#alivePending = alive;
    if (alive) this.#socket.ref();
    else this.#socket.unref();
  }
}
