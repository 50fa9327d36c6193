import { closeSync as closeFd, openSync } from 'node:fs';
import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../../transport/contract.js';
import { checkHandles } from '../../transport/ends.js';
import { closeAll, NO_HANDLES, ownDescriptor } from '../../transport/handle.js';
import type { Faults } from './faults.js';
import { Waiters } from './waiters.js';

/** What moves the messages of a reference link. It calls `deliver`, `roomAgain` and `peerEnded` of its link. */
export interface Carrier {
  room(bytes: number): boolean;
  /** Becomes the owner of the handles. */
  send(message: Buffer, handles: readonly Handle[]): void;
  /** The receiver has taken a message; so many bytes wait still. */
  taken(waitingBytes: number): void;
  /** Says goodbye; resolves when everything has been handed over. */
  finish(): Promise<void>;
  /** Ends at once, without a goodbye. Idempotent. */
  drop(): void;
  /** Whether the event loop is kept alive. */
  hold(alive: boolean): void;
}

/** What a waiting message counts for beside its content, so that empty ones fill a queue too. */
const MESSAGE_COST_BYTES = 32;

const channel = { failed: 'channel' } as const;

function unsupported(what: string, capability = 'blocking'): RpcError {
  return new RpcError(
    'FAILED_PRECONDITION',
    `${what} needs more than the capability "${capability}" of this transport`,
    {
      ...channel,
      reason: Reason.UNSUPPORTED,
    },
  );
}

/** The contract of links at its plainest: one copy in, one copy out, nothing fast. */
export class ReferenceLink implements Link {
  readonly peer: Peer;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  carrier!: Carrier;
  readonly direction: Direction;
  mostHandles = 0;
  readonly #faults: Faults;
  readonly #way: Direction;
  readonly #waiters: Waiters;
  readonly #queue: Buffer[] = [];
  /** Those of each message in the queue. */
  readonly #handles: (readonly Handle[])[] = [];
  #settle!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;
  #claimed: Buffer | undefined;
  #waitingBytes = 0;
  #commits = 0;
  #refs = true;
  #released = false;
  readonly #leak: number | undefined;

  constructor(peer: Peer, maxMessageBytes: number, faults: Faults, direction: Direction = 'duplex') {
    this.peer = peer;
    this.maxMessageBytes = maxMessageBytes;
    this.direction = faults.has('lies about its direction') ? 'duplex' : direction;
    this.#way = direction;
    this.#faults = faults;
    this.#waiters = new Waiters(faults);
    this.#waiters.onCount = () => this.#hold();
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (faults.has('leaks a descriptor')) this.#leak = openSync('/dev/null', 'r');
  }

  get end(): LinkEnd | undefined {
    return this.#end;
  }

  get ended(): boolean {
    return this.#end !== undefined && (this.#queue.length === 0 || this.#faults.has('ends before it is drained'));
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  // --- for the carrier ---
  deliver(message: Buffer, handles: readonly Handle[] = NO_HANDLES): void {
    if (this.#released) closeAll(handles);
    if (this.#released) return;
    if (message.length > this.maxMessageBytes) {
      const error = new RpcError('RESOURCE_EXHAUSTED', `a message of ${message.length} bytes`, {
        ...channel,
        reason: Reason.MESSAGE_TOO_LARGE,
      });
      this.#release({ by: 'fault', orderly: false, error });
      return;
    }
    this.#queue.push(message);
    this.#handles.push(handles);
    this.#waitingBytes += message.length + MESSAGE_COST_BYTES;
    this.#waiters.poke();
  }

  roomAgain(): void {
    this.#waiters.poke();
  }

  peerEnded(orderly: boolean): void {
    const reason = orderly ? Reason.PEER_CLOSED : Reason.PEER_DIED;
    const error = new RpcError('UNAVAILABLE', orderly ? 'the peer closed' : 'the peer died', { ...channel, reason });
    this.#finish({ by: 'peer', orderly, error });
  }

  // --- sending ---
  claim(bytes: number): Span | null {
    if (this.#end !== undefined || this.#closing !== undefined) throw this.#afterEnd();
    if (this.#way === 'receive' && !this.#faults.has('sends the wrong way'))
      throw unsupported('sending from here', 'directions');
    if (bytes > this.maxMessageBytes && !this.#faults.has('accepts a message over the limit')) {
      const text = `a message of ${bytes} bytes is over the limit of ${this.maxMessageBytes}`;
      throw new RpcError('RESOURCE_EXHAUSTED', text, { reason: Reason.MESSAGE_TOO_LARGE });
    }
    if (!this.carrier.room(bytes)) return null;
    this.#claimed = Buffer.alloc(bytes);
    return spanOf(this.#claimed);
  }

  commit(length: number, handles: readonly Handle[] = NO_HANDLES): void {
    if (this.#claimed === undefined || this.#end !== undefined) throw this.#afterEnd();
    if (!this.#faults.has('accepts handles in silence')) checkHandles(handles, this.mostHandles, 'the peer');
    const leave = this.#faults.has('leaves handles with their giver');
    const own = handles.map((handle) => ownDescriptor(leave ? handle.value : handle.detach()));
    const whole = this.#claimed.subarray(0, length);
    this.#claimed = undefined;
    const due = ++this.#commits % 50 === 0;
    const message =
      this.#commits % 50 === 25 && this.#faults.has('cuts a message') ? whole.subarray(0, length >> 1) : whole;
    if (due && this.#faults.has('drops a message')) return;
    if (message.length > 200 && this.#faults.has('damages a message')) message[message.length >> 1]! ^= 1;
    this.carrier.send(message, own);
    if (due && this.#faults.has('doubles a message')) this.carrier.send(message, NO_HANDLES);
  }

  abandon(): void {
    this.#claimed = undefined;
  }

  flush(): void {
    // Nothing is held back.
  }

  // --- receiving ---
  receive(): Span | null {
    if (this.#released && this.#faults.has('faults after the end')) throw new TypeError('null is not a buffer');
    const message = this.#queue[0];
    if (message === undefined) return null;
    if (this.#queue.length > 1 && this.#faults.has('reorders') && ++this.#commits % 50 === 0) {
      this.#queue[0] = this.#queue[1]!;
      this.#queue[1] = message;
    }
    const span = spanOf(this.#queue[0]!);
    if (this.#faults.has('reuses a held span')) setImmediate(() => span.bytes.fill(0));
    return span;
  }

  release(): void {
    const message = this.#queue.shift();
    if (message === undefined) return;
    if (!this.#faults.has('keeps handles that nobody took')) closeAll(this.takeHandles());
    this.#handles.shift();
    this.#waitingBytes -= message.length + MESSAGE_COST_BYTES;
    this.carrier.taken(this.#waitingBytes);
  }

  takeHandles(): readonly Handle[] {
    const mine = this.#faults.has('hands handles over with the message before') ? 1 : 0;
    const handles = this.#handles[mine] ?? NO_HANDLES;
    if (handles !== NO_HANDLES) this.#handles[mine] = NO_HANDLES;
    return handles;
  }

  pollReadable(): boolean {
    return this.#queue.length > 0 || this.#end !== undefined;
  }

  // --- waiting ---
  waitReadable(): boolean {
    throw unsupported('waitReadable');
  }

  waitWritable(): boolean {
    throw unsupported('waitWritable');
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#waiters.when(() => this.#queue.length > 0 || this.#end !== undefined, deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (this.#faults.has('lies about room')) return Promise.resolve(true);
    return this.#waiters.when(() => this.#end !== undefined || this.carrier.room(bytes), deadline, signal);
  }

  ref(): void {
    this.#refs = true;
    this.#hold();
  }

  unref(): void {
    this.#refs = false;
    this.#hold();
  }

  // --- ending ---
  close(deadline: Deadline = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve(this.#release(this.#end));
    this.#closing ??= this.#closeOrderly(deadline);
    return this.#closing;
  }

  closeSync(): void {
    throw unsupported('closeSync');
  }

  abort(error?: RpcError): void {
    if (this.#faults.has('hides an abort')) void this.carrier.finish();
    const why = error ?? new RpcError('UNAVAILABLE', 'aborted', { ...channel, reason: Reason.CLOSED });
    this.#release({ by: 'local', orderly: false, error: why });
  }

  async #closeOrderly(deadline: Deadline): Promise<void> {
    let finished = false;
    const finishing = this.carrier.finish().then(() => {
      finished = true;
      this.#waiters.poke();
    });
    const until = this.#faults.has('ignores the deadline of close') ? Number.POSITIVE_INFINITY : deadline;
    await Promise.resolve();
    await this.#waiters.when(() => finished || this.#end !== undefined, until, undefined);
    if (finished) await finishing;
    const error = new RpcError('UNAVAILABLE', 'this side closed', { ...channel, reason: Reason.CLOSED });
    this.#release({ by: 'local', orderly: finished, error });
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined && !this.#faults.has('settles twice')) return;
    this.#end = end;
    this.#settle(end);
    this.#waiters.poke();
  }

  /** Ends, and lets go of everything. */
  #release(end: LinkEnd): void {
    if (this.#released && !this.#faults.has('settles twice')) return;
    this.#released = true;
    this.#queue.length = 0;
    for (const handles of this.#handles.splice(0)) {
      if (!this.#faults.has('keeps handles that nobody received')) closeAll(handles);
    }
    this.carrier.drop();
    this.#finish(end);
    if (this.#leak !== undefined && this.#commits < 0) closeFd(this.#leak);
  }

  #hold(): void {
    this.carrier.hold((this.#refs && this.#waiters.count > 0) || this.#faults.has('never lets the process end'));
  }

  #afterEnd(): RpcError {
    return this.#end?.error ?? new RpcError('UNAVAILABLE', 'closing', { ...channel, reason: Reason.CLOSED });
  }
}

function spanOf(bytes: Buffer): Span {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    start: 0,
    end: bytes.length,
  };
}
