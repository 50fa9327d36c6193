import { handlesIn, hasHandleFields, type MessageType } from '../../codec/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Handle } from '../../transport/contract.js';
import { closeAll } from '../../transport/handle.js';
import type { Channel } from '../channel.js';
import { ENVELOPE_BYTES } from '../envelope.js';
import { decodeItem } from '../handle-fields.js';
import type { Deferred } from '../outbox.js';
import { EMPTY_PAYLOAD } from '../payloads.js';
import { ReceiveWindow } from './window.js';

/** Hears of the items of a stream as they come. Must not throw. */
export interface StreamConsumer<T> {
  next(item: T): void;
  /** The last word; without an error the stream is complete. */
  end(error: RpcError | undefined): void;
}

/** Places in the queue that were read, before it pays to cut them off. */
const MANY_READ = 1024;

/** Before a stream is known to have any. */
const NO_WINDOW = new ReceiveWindow({ bytes: 0, messages: 0 });

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * The receiving end of a stream: decodes items as they come, and keeps them until they are consumed, by one consumer, one
 * iterator that awaits, or one that blocks. Consuming grants credit; an unread stream keeps what its window allows.
 */
export class StreamReceiver<T> {
  readonly #type: MessageType<T>;
  readonly #blocking: boolean;
  /** Whence the items come, and how credit goes back: known once the call is sent. */
  #channel: Channel | undefined;
  #creditKind = 0;
  #callId = 0;
  #window: ReceiveWindow = NO_WINDOW;
  /** Credit that waits for room in the link. */
  readonly #deferred: Deferred = { bytes: ENVELOPE_BYTES, attempt: () => this.#settleInTurn() };
  #inTurn = false;
  /** Items that nobody has consumed, from `#head` on, and the bytes of each. */
  #items: T[] = [];
  #sizes: number[] = [];
  #head = 0;
  #consumer: StreamConsumer<T> | undefined;
  /** Readers that wait for an item: more than one only when `next` is called again before it has settled. */
  #readers: { resolve(result: IteratorResult<T, undefined>): void; reject(error: RpcError): void }[] = [];
  #over = false;
  #error: RpcError | undefined;
  /** Nobody will read what comes. */
  #deaf = false;
  /** Items can have handles. */
  readonly #carries: boolean;
  /** Hears of the handles of each item that has any, before that is read. */
  onHandles: ((handles: readonly Handle[]) => void) | undefined;

  /** `blocking`: who reads has no event loop running, and calls `settleCredit` before it waits. */
  constructor(type: MessageType<T>, blocking = false) {
    this.#type = type;
    this.#blocking = blocking;
    this.#carries = hasHandleFields(type.schema);
  }

  /** Items will come over `channel`, and credit for them goes back in messages of `creditKind`. */
  attach(channel: Channel, creditKind: number, callId: number): void {
    this.#channel = channel;
    this.#creditKind = creditKind;
    this.#callId = callId;
    this.#window = new ReceiveWindow(channel.window);
  }

  /** Nothing comes any more; there may be items left to read. */
  get over(): boolean {
    return this.#over;
  }

  /** An item, or the end, can be had at once. */
  get ready(): boolean {
    return this.#over || this.#head < this.#items.length;
  }

  /**
   * Takes an item in, `size` bytes as its sender counts. Returns false when the sender had no credit for it. Throws
   * UNDECODABLE when it can't be read.
   */
  arrive(bytes: Buffer, start: number, end: number, size: number): boolean {
    if (!this.#window.take(size)) return false;
    if (this.#deaf || this.#over) return true;
    const item = this.#carries ? this.#decode(bytes, start, end) : this.#type.decode(bytes, start, end);
    if (this.#consumer !== undefined) {
      this.#consumed(size);
      this.#consumer.next(item);
    } else if (this.#readers.length > 0) {
      this.#consumed(size);
      this.#readers.shift()?.resolve({ done: false, value: item });
    } else {
      this.#items.push(item);
      this.#sizes.push(size);
    }
    return true;
  }

  #decode(bytes: Buffer, start: number, end: number): T {
    const { link } = this.#channel as Channel;
    const { message, inFields } = decodeItem(this.#type, bytes, start, end, link);
    if (inFields.length > 0) this.onHandles?.(inFields);
    return message;
  }

  /** Nothing comes after what has come. */
  end(error?: RpcError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    if (this.#head < this.#items.length) return;
    this.#consumer?.end(error);
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (this.#error === undefined) resolve(DONE);
      else reject(this.#takeError() as RpcError);
    }
  }

  /** Nobody wants what has come and was not read, nor what comes. */
  discard(): void {
    this.#channel?.outbox.remove(this.#deferred);
    this.#deaf = true;
    if (this.#carries) for (const item of this.#items) closeAll(handlesIn(item));
    this.#items = [];
    this.#sizes = [];
    this.#head = 0;
  }

  /** Nobody reads any more: whoever waits sees the end. */
  close(): void {
    this.discard();
    this.end();
  }

  /** Gives everything to a consumer, now and as it comes. */
  subscribe(consumer: StreamConsumer<T>): void {
    this.#consumer = consumer;
    while (this.#head < this.#items.length) consumer.next(this.#shift());
    if (this.#over) consumer.end(this.#takeError());
  }

  /** The next item, the end, or a rejection with the error with which the stream ended (once; then the end). */
  whenNext(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#items.length) return Promise.resolve({ done: false, value: this.#shift() });
    if (this.#over) return this.#error === undefined ? Promise.resolve(DONE) : Promise.reject(this.#takeError());
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** As `whenNext`, for a thread that blocks: to be called when `ready`. */
  next(): IteratorResult<T, undefined> {
    if (this.#head < this.#items.length) return { done: false, value: this.#shift() };
    if (this.#error !== undefined) throw this.#takeError();
    return DONE;
  }

  /** Tells credit that is due. False when the link has no room for it now. */
  settleCredit(): boolean {
    const channel = this.#channel;
    const window = this.#window;
    if (!window.due || this.#over || this.#deaf || channel === undefined || channel.ended) return true;
    if ((channel.outbox.length === 0 || this.#inTurn || this.#blocking) && this.#trySend(channel, window)) {
      window.granted();
      channel.queueFlush();
      return true;
    }
    if (!this.#blocking) channel.outbox.add(this.#deferred);
    return false;
  }

  #trySend(channel: Channel, { owedMessages, owedBytes }: ReceiveWindow): boolean {
    try {
      const kind = this.#creditKind;
      return channel.trySend(kind, 0, 0, this.#callId, owedMessages, owedBytes, EMPTY_PAYLOAD, undefined);
    } catch (error) {
      if (channel.ended) return true;
      throw error;
    }
  }

  #settleInTurn(): boolean {
    this.#inTurn = true;
    const settled = this.settleCredit();
    this.#inTurn = false;
    return settled;
  }

  #shift(): T {
    const head = this.#head++;
    const item = this.#items[head] as T;
    const size = this.#sizes[head] as number;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#sizes.length = 0;
      this.#head = 0;
    } else {
      // What was read is not to be held by the place where it stood.
      this.#items[head] = undefined as T;
      if (head >= MANY_READ && 2 * head >= this.#items.length) this.#compact();
    }
    this.#consumed(size);
    return item;
  }

  /** A reader that is always a little behind never finds the queue empty. */
  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }

  #consumed(bytes: number): void {
    if (this.#window.consume(bytes)) this.settleCredit();
  }

  #takeError(): RpcError | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }
}

/** The error for an item that can't be read. */
export function undecodableItem(path: string, what: 'request' | 'reply', cause: unknown): RpcError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const words = `${path}: a ${what} of the stream can't be decoded: ${detail}`;
  return new RpcError(what === 'request' ? 'INVALID_ARGUMENT' : 'INTERNAL', words, {
    reason: Reason.UNDECODABLE,
    cause,
  });
}
