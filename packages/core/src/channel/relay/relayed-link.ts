import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../../transport/contract.js';
import { cannotSend, checkHandles, closedHere, describePeer, tooLarge } from '../../transport/ends.js';
import { NO_HANDLES } from '../../transport/handle.js';
import { CopiedBlocks } from './copied-blocks.js';
import { RelayOp } from './head.js';
import type { Incoming } from './incoming.js';
import type { Relay } from './relay.js';

/** What a worker is told of a client's link. */
export interface RelayedLinkParts {
  readonly number: number;
  readonly peer: Peer;
  readonly direction: Direction;
  readonly maxMessageBytes: number;
  /** Handles that can travel with one message. */
  readonly handles: number;
}

/**
 * A client's link as the worker sees that runs its calls. What comes is handed to its channel by whoever reads the relay;
 * what goes, goes over the relay. It never blocks: who runs handlers serves.
 */
export class RelayedLink implements Link {
  readonly peer: Peer;
  readonly direction: Direction;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  readonly blocks = new CopiedBlocks();
  readonly #number: number;
  readonly #handles: number;
  readonly #relay: Relay;
  readonly #incoming: Incoming;
  readonly #settle: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;

  constructor(parts: RelayedLinkParts, relay: Relay, incoming: Incoming) {
    const { number, peer, direction, maxMessageBytes, handles } = parts;
    this.#number = number;
    this.peer = peer;
    this.direction = direction;
    this.maxMessageBytes = maxMessageBytes;
    this.#handles = handles;
    this.#relay = relay;
    this.#incoming = incoming;
    let settle!: (end: LinkEnd) => void;
    this.closed = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
  }

  get end(): LinkEnd | undefined {
    return this.#end;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  claim(bytes: number): Span | null {
    if (this.#end !== undefined) throw this.#end.error;
    if (this.direction === 'receive') throw cannotSend(describePeer(this.peer));
    if (!(bytes >= 0 && bytes <= this.maxMessageBytes)) throw tooLarge(bytes, this.maxMessageBytes);
    // The numbers of handles, which nobody has spoken of yet, stand behind the message.
    return this.#relay.claim(bytes + 4 * this.#handles);
  }

  commit(length: number, handles: readonly Handle[] = NO_HANDLES): void {
    if (handles.length === 0) {
      this.#relay.commit(this.#number, 0, length);
      return;
    }
    checkHandles(handles, this.#handles, describePeer(this.peer));
    const { view, start } = this.#relay.claimed;
    handles.forEach((handle, i) => {
      view.setUint32(start + length + 4 * i, handle.detach(), true);
    });
    this.#relay.commit(this.#number, 0, length + 4 * handles.length, handles.length);
  }

  abandon(): void {
    this.#relay.abandon();
  }

  flush(): void {
    // What is committed is with the front at once, which flushes the client's link.
  }

  receive(): null {
    return null;
  }

  release(): void {}

  takeHandles(): readonly Handle[] {
    return this.#incoming.takeHandles();
  }

  pollReadable(): boolean {
    return false;
  }

  waitReadable(): boolean {
    throw blocks();
  }

  waitWritable(): boolean {
    throw blocks();
  }

  /** Until the link ends: what comes is handed on as it comes. */
  whenReadable(): Promise<boolean> {
    return this.closed.then(() => true);
  }

  async whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.#end !== undefined) return true;
    return this.#relay.whenRoom(bytes + 4 * this.#handles, deadline, signal, this.closed);
  }

  ref(): void {}

  unref(): void {}

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    this.finish({ by: 'local', orderly: true, error: closedHere() });
    await this.#relay.tell(RelayOp.END, this.#number);
  }

  closeSync(): void {
    void this.close();
  }

  abort(error: RpcError = closedHere()): void {
    if (this.#end !== undefined) return;
    this.finish({ by: 'local', orderly: false, error });
    void this.#relay.tell(RelayOp.END, this.#number);
  }

  /** The client's link has ended. */
  finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#settle(end);
  }
}

function blocks(): RpcError {
  const words = 'a link that a pool relays can block no thread: its worker has other links to serve';
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
