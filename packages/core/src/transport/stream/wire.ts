import { RpcError } from '../../errors/index.js';
import type { Deadline, LinkEnd } from '../contract.js';
import { cannotBlock, cutOff, describePeer, peerClosed } from '../ends.js';
import { type ByteStream, type HandleCourier, HUNG_UP, WRITABLE } from './contract.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';

export interface WireHooks {
  /** The stream is gone: `fate` has been set. */
  onLost(fate: LinkEnd): void;
  /** `full` has changed. */
  onFull(): void;
}

/** The stream of a link, with what was read from it and what is to be written to it. */
export class Wire {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** The peer, in words. */
  readonly who: string;
  /** The stream is gone, and this is why. What has come before can still be received. */
  fate: LinkEnd | undefined;
  /** The stream is gone, for whatever reason. */
  released = false;
  /** The last read has just brought all there was: the next look for more, if it comes at once, can be spared. */
  fresh = false;
  readonly #stream: ByteStream;
  readonly #hooks: WireHooks;
  #watched = 0;
  #alive = false;

  /** `courier`: when both sides take handles. */
  constructor(
    stream: ByteStream,
    maxMessageBytes: number,
    batchBytes: number,
    hooks: WireHooks,
    courier: HandleCourier | undefined,
  ) {
    this.#stream = stream;
    this.#hooks = hooks;
    this.who = describePeer(stream.peer);
    this.inbox = new Inbox(maxMessageBytes, this.who, courier);
    this.outbox = new Outbox(batchBytes, courier);
  }

  /** The stream was full at the last write; it is watched for becoming writable. */
  get full(): boolean {
    return (this.#watched & WRITABLE) !== 0;
  }

  /** One read. True when it changed something. */
  fill(): boolean {
    if (this.released) return false;
    try {
      return this.#took(this.inbox.fill(this.#stream));
    } catch (error) {
      this.lose(error);
      return true;
    }
  }

  /** One read that blocks until there is something. False when the deadline passed first. */
  waitFill(deadline: Deadline): boolean {
    if (this.released) return true;
    try {
      return this.#took(this.inbox.waitFill(this.#stream, deadline));
    } catch (error) {
      this.lose(error);
      return true;
    }
  }

  #took(got: number): boolean {
    if (got < 0) return false;
    this.fresh = true;
    if (got === 0) this.lose(undefined);
    return true;
  }

  /** One write, of all that is committed. */
  push(): void {
    if (this.released || !this.outbox.pending) return;
    try {
      const done = this.outbox.write(this.#stream);
      if (done !== this.full) return;
      this.watch(done ? this.#watched & ~WRITABLE : this.#watched | WRITABLE);
      this.#hooks.onFull();
    } catch (error) {
      this.readToEnd(error);
    }
  }

  /** As push; while the stream is known to be full, the event loop or the next wait takes care of it. */
  flush(): void {
    if (!this.full) this.push();
  }

  /** The peer is gone: takes what it sent before, which is no more than the stream holds. */
  readToEnd(cause: unknown): void {
    let more = true;
    while (more) more = this.fill();
    this.lose(cause);
  }

  lose(cause: unknown): void {
    if (this.released) return;
    const { said, error } = this.inbox.farewell();
    if (RpcError.is(cause)) this.fate = { by: 'fault', orderly: false, error: cause };
    else
      this.fate =
        said || this.#endedInOrder(cause) ? peerClosed(this.who, error) : cutOff(this.who, this.inbox.torn, cause);
    this.release();
    this.#hooks.onLost(this.fate);
  }

  #endedInOrder(cause: unknown): boolean {
    return cause === undefined && !this.inbox.torn && this.#stream.writerLives?.() === true;
  }

  /** Tells the peer why it is disconnected, if it still takes that at once. */
  tell(error: RpcError): void {
    if (this.released) return;
    try {
      this.outbox.sayBye(error);
      this.outbox.write(this.#stream);
    } catch {
      // It has gone as well.
    }
  }

  /** Throws when the stream cannot block. */
  mustBlock(): void {
    if (!this.#stream.blocking) throw cannotBlock(this.who, this.#stream.blockingRemedy);
  }

  /** See ByteStream.wait. */
  wait(events: number, deadline: Deadline): number {
    return this.#stream.wait(events, deadline);
  }

  /** See ByteStream.waitTaken. False, too, when the stream has ended first. */
  waitTaken(deadline: Deadline): boolean {
    const taken = this.#stream.waitTaken?.(deadline);
    if (taken === undefined) this.readToEnd(undefined);
    return taken ?? false;
  }

  /** See ByteStream.waitWritten. */
  waitWritten(deadline: Deadline): void {
    this.#stream.waitWritten?.(deadline);
  }

  /** Watches for more, or less, on the event loop. */
  also(events: number): void {
    this.watch(this.#watched | events);
  }

  not(events: number): void {
    this.watch(this.#watched & ~events);
  }

  /** A hang-up is always watched for. */
  watch(events: number): void {
    if (this.released || (events | HUNG_UP) === this.#watched) return;
    this.#watched = events | HUNG_UP;
    this.#stream.watch(this.#watched);
  }

  keepAlive(alive: boolean): void {
    if (this.released || alive === this.#alive) return;
    this.#alive = alive;
    if (alive) this.#stream.ref();
    else this.#stream.unref();
  }

  /** All was written: lets go so that the peer can read it. */
  releaseOrderly(): Promise<void> | undefined {
    if (this.released) return undefined;
    this.released = true;
    return this.#stream.close();
  }

  /** Drops what is unsent and lets go at once. */
  release(): void {
    this.outbox.clear();
    if (this.released) return;
    this.released = true;
    this.#stream.abort();
  }
}
