// One class is all that is needed of rxjs, and the whole of it takes ten times as long to load.
import { Observable } from 'rxjs/internal/Observable';
import type { StreamConsumer } from './stream-receiver.js';

/** What a stream is read from: by one consumer, or message by message. */
export interface StreamReading<T> {
  /** Gives everything to a consumer, now and as it comes. */
  subscribe(consumer: StreamConsumer<T>): void;
  /** The next message, the end, or a rejection with the error with which the stream ended (once; then the end). */
  whenNext(): Promise<IteratorResult<T, undefined>>;
  /** Nobody reads any more: whoever waits sees the end. */
  close(): void;
}

let opener: <T>(stream: RpcStream<T>) => OpenStream<T>;

/** Begins to read a stream as its readers do: `receiver` is to be subscribed to before `start`, or asked after it. */
export function openStream<T>(stream: RpcStream<T>): OpenStream<T> {
  return opener(stream);
}

/** One call's stream, as its reader holds it. */
export interface OpenStream<T> {
  readonly receiver: StreamReading<T>;
  /** Begins the call; how it fails is told by the receiver. */
  start(): void;
  /** Nobody reads any more. Idempotent. */
  stop(): void;
}

/**
 * A stream of messages: an rxjs Observable and an async iterable. Each subscription, and each iteration, is a call of its
 * own, begun by it; the stream that a handler is given can be read once. An iteration has the writer wait when it does not
 * keep up; a subscription is given messages as they come. `break`, `unsubscribe` and the like cancel the call.
 */
export class RpcStream<T> extends Observable<T> implements AsyncIterable<T> {
  readonly #open: () => OpenStream<T>;

  static {
    opener = (stream) => stream.#open();
  }

  /** For Callgate's own use: `open` may throw. */
  constructor(open: () => OpenStream<T>) {
    super((subscriber) => {
      const stream = open();
      subscriber.add(() => finish(stream));
      stream.receiver.subscribe({
        next: (item) => subscriber.next(item),
        end: (error) => {
          if (error === undefined) subscriber.complete();
          else subscriber.error(error);
        },
      });
      stream.start();
    });
    this.#open = open;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> & AsyncIterable<T> {
    return new StreamIterator(this.#open);
  }
}

function finish(stream: OpenStream<unknown>): void {
  stream.receiver.close();
  stream.stop();
}

/** Begins its call with the first `next`. */
class StreamIterator<T> implements AsyncIterator<T, undefined> {
  readonly #open: () => OpenStream<T>;
  #stream: OpenStream<T> | undefined;
  #stopped = false;

  constructor(open: () => OpenStream<T>) {
    this.#open = open;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#stream !== undefined) return this.#stream.receiver.whenNext();
    if (this.#stopped) return Promise.resolve({ done: true, value: undefined });
    try {
      this.#stream = this.#open();
      this.#stream.start();
    } catch (error) {
      this.#stopped = true;
      return Promise.reject(error);
    }
    return this.#stream.receiver.whenNext();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#stopped = true;
    if (this.#stream !== undefined) finish(this.#stream);
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    void this.return();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
