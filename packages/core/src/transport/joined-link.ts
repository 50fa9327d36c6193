import { RpcError } from '../errors/index.js';
import type { Deadline, Handle, Link, LinkEnd, Peer, Span } from './contract.js';
import { abortedHere, closedHere } from './ends.js';

/**
 * One duplex link of two that go one way: a pair of pipes, two queues. `send` and `receive` must lead to the same peer,
 * which joins its ends of them the other way round, and belong to the joined link from now on. Throws
 * FAILED_PRECONDITION when they do not go the ways that are needed.
 */
export function joinLinks(send: Link, receive: Link): Link {
  if (send.direction === 'receive') throw wrongWay('first', 'sends', send);
  if (receive.direction === 'send') throw wrongWay('second', 'receives', receive);
  return new JoinedLink(send, receive);
}

function wrongWay(which: string, does: string, link: Link): RpcError {
  const words = `joinLinks: the ${which} link must be one that ${does}, found direction ${link.direction}`;
  return new RpcError('FAILED_PRECONDITION', words);
}

/** What the receiving half says of the end is the last word: a peer that closed said so behind its last message. */
class JoinedLink implements Link {
  readonly direction = 'duplex';
  readonly peer: Peer;
  readonly maxMessageBytes: number;
  readonly closed: Promise<LinkEnd>;
  readonly #send: Link;
  readonly #receive: Link;
  #settleClosed!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;

  constructor(send: Link, receive: Link) {
    this.#send = send;
    this.#receive = receive;
    this.peer = receive.peer.credentials === undefined ? send.peer : receive.peer;
    // What this side sends and what it takes: a greeting states one number for both.
    this.maxMessageBytes = Math.min(send.maxMessageBytes, receive.maxMessageBytes);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const look = (): void => this.#look();
    void send.closed.then(look);
    void receive.closed.then(look);
  }

  get end(): LinkEnd | undefined {
    this.#look();
    return this.#end;
  }

  get ended(): boolean {
    return this.#receive.ended && this.end !== undefined;
  }

  claim(bytes: number): Span | null {
    this.#look();
    if (this.#end !== undefined) throw this.#end.error;
    return this.#send.claim(bytes);
  }

  commit(length: number, handles?: readonly Handle[]): void {
    if (this.#end !== undefined) throw this.#end.error;
    this.#send.commit(length, handles);
  }

  abandon(): void {
    this.#send.abandon();
  }

  flush(): void {
    this.#send.flush();
  }

  receive(): Span | null {
    return this.#receive.receive();
  }

  takeHandles(): readonly Handle[] {
    return this.#receive.takeHandles();
  }

  release(): void {
    this.#receive.release();
  }

  pollReadable(): boolean {
    return this.#receive.pollReadable();
  }

  waitReadable(deadline: Deadline): boolean {
    this.#send.flush();
    return this.#receive.waitReadable(deadline);
  }

  waitWritable(bytes: number, deadline: Deadline): boolean {
    return this.#send.waitWritable(bytes, deadline);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    this.#send.flush();
    return this.#receive.whenReadable(deadline, signal);
  }

  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#send.whenWritable(bytes, deadline, signal);
  }

  ref(): void {
    this.#send.ref();
    this.#receive.ref();
  }

  unref(): void {
    this.#send.unref();
    this.#receive.unref();
  }

  close(deadline?: Deadline): Promise<void> {
    if (this.end !== undefined && this.#closing === undefined) return this.#releaseBoth(deadline);
    this.#closing ??= this.#closeOrderly(deadline);
    return this.#closing;
  }

  closeSync(deadline?: Deadline): void {
    if (this.end !== undefined) {
      this.#send.closeSync(deadline);
      this.#receive.closeSync(deadline);
      return;
    }
    this.#closing ??= this.closed.then(() => undefined);
    this.#send.closeSync(deadline);
    this.#finishClose();
    this.#receive.closeSync(deadline);
  }

  abort(error: RpcError = abortedHere()): void {
    this.#finish({ by: 'local', orderly: false, error });
    this.#send.abort(error);
    this.#receive.abort(error);
  }

  /** What has been sent comes first: only then may the peer see that nobody receives any more. */
  async #closeOrderly(deadline: Deadline | undefined): Promise<void> {
    await this.#send.close(deadline);
    this.#finishClose();
    await this.#receive.close(deadline);
  }

  #finishClose(): void {
    const sent = this.#send.end;
    this.#finish(
      sent !== undefined && sent.by !== 'local'
        ? sent
        : { by: 'local', orderly: sent?.orderly ?? true, error: closedHere() },
    );
  }

  async #releaseBoth(deadline: Deadline | undefined): Promise<void> {
    await Promise.all([this.#send.close(deadline), this.#receive.close(deadline)]);
  }

  /** Draws the end of the whole from the ends of its halves. */
  #look(): void {
    // While this side closes, its sending half alone tells how that went.
    if (this.#end !== undefined || this.#closing !== undefined) return;
    const received = this.#receive.end;
    const sent = this.#send.end;
    if (received !== undefined) {
      this.#finish(received);
      if (received.by === 'fault') this.#send.abort(received.error);
      else void this.#send.close(0);
    } else if (sent !== undefined && sent.by !== 'peer') {
      this.#finish(sent);
      this.#receive.abort(sent.error);
    }
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#settleClosed(end);
  }
}
