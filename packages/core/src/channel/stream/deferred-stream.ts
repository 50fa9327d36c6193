import type { RpcError } from '../../errors/index.js';
import { type OpenStream, openStream, RpcStream, type StreamReading } from './rpc-stream.js';
import { type OpenSource, openSource, Pulled } from './sources.js';
import type { StreamConsumer } from './stream-receiver.js';

/**
 * A stream of which each reading reads what `make` gives then: a stream, anything else that gives messages, or a promise
 * of one. `failure` makes the error of what is thrown.
 */
export function deferStream<T>(make: () => unknown, failure: (thrown: unknown) => RpcError): RpcStream<T> {
  return new RpcStream(() => new DeferredStream<T>(make, failure));
}

/** One reading of anything that gives messages. Throws a TypeError for what gives none. */
export function openAny<T>(value: unknown, failure: (thrown: unknown) => RpcError): OpenStream<T> {
  if (value instanceof RpcStream) return openStream(value) as OpenStream<T>;
  const source = openSource(value);
  if (source !== undefined) return new SourceStream<T>(source, failure);
  const found = value === null ? 'null' : typeof value;
  throw new TypeError(
    `expected a stream (an iterable, an async iterable or an observable), found ${found}; return what next(call) gives`,
  );
}

class DeferredStream<T> implements OpenStream<T>, StreamReading<T> {
  readonly #make: () => unknown;
  readonly #failure: (thrown: unknown) => RpcError;
  #inner: OpenStream<T> | undefined;
  #opening: Promise<unknown> | undefined;
  #consumer: StreamConsumer<T> | undefined;
  #error: RpcError | undefined;
  #closed = false;

  constructor(make: () => unknown, failure: (thrown: unknown) => RpcError) {
    this.#make = make;
    this.#failure = failure;
  }

  get receiver(): this {
    return this;
  }

  start(): void {
    if (this.#closed) return;
    try {
      const made = this.#make();
      if (typeof (made as PromiseLike<unknown> | null | undefined)?.then !== 'function') this.#open(made);
      else {
        this.#opening = Promise.resolve(made).then(
          (value) => this.#open(value),
          (error: unknown) => this.#fail(error),
        );
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #open(value: unknown): void {
    try {
      const inner = openAny<T>(value, this.#failure);
      this.#inner = inner;
      if (this.#closed) {
        inner.receiver.close();
        inner.stop();
        return;
      }
      if (this.#consumer !== undefined) inner.receiver.subscribe(this.#consumer);
      inner.start();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(thrown: unknown): void {
    const error = this.#failure(thrown);
    this.#inner = undefined;
    if (this.#consumer === undefined) this.#error = error;
    else if (!this.#closed) this.#consumer.end(error);
    this.#closed = true;
  }

  subscribe(consumer: StreamConsumer<T>): void {
    this.#consumer = consumer;
  }

  async whenNext(): Promise<IteratorResult<T, undefined>> {
    if (this.#inner === undefined) await this.#opening;
    if (this.#inner !== undefined) return this.#inner.receiver.whenNext();
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  close(): void {
    this.#closed = true;
    this.#inner?.receiver.close();
  }

  stop(): void {
    this.#inner?.stop();
  }
}

/** Reads a source that is no stream of calls: what an interceptor has made of one. */
class SourceStream<T> implements OpenStream<T>, StreamReading<T> {
  readonly #source: OpenSource;
  readonly #failure: (thrown: unknown) => RpcError;
  #consumer: StreamConsumer<T> | undefined;
  #waiting: { resolve(result: IteratorResult<T, undefined>): void; reject(error: RpcError): void }[] = [];
  #over = false;
  #pulling = false;

  constructor(source: OpenSource, failure: (thrown: unknown) => RpcError) {
    this.#source = source;
    this.#failure = failure;
    source.onReady = () => this.#pull();
  }

  get receiver(): this {
    return this;
  }

  start(): void {
    this.#source.start();
    this.#pull();
  }

  subscribe(consumer: StreamConsumer<T>): void {
    this.#consumer = consumer;
  }

  whenNext(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#pull();
    });
  }

  close(): void {
    if (this.#over) return;
    this.#end(undefined);
    try {
      this.#source.stop()?.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  }

  stop(): void {}

  /** Takes what there is, for as long as somebody wants it. */
  #pull(): void {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (!this.#over && (this.#consumer !== undefined || this.#waiting.length > 0)) {
        const pulled = this.#source.pull();
        if (pulled === Pulled.NOTHING) return;
        if (pulled === Pulled.ITEM) this.#give(this.#source.item as T);
        else this.#end(pulled === Pulled.FAILED ? this.#failure(this.#source.error) : undefined);
      }
      if (this.#over) this.#end(undefined);
    } finally {
      this.#pulling = false;
    }
  }

  #give(item: T): void {
    if (this.#consumer !== undefined) this.#consumer.next(item);
    else this.#waiting.shift()?.resolve({ done: false, value: item });
  }

  #end(error: RpcError | undefined): void {
    const over = this.#over;
    this.#over = true;
    if (!over) this.#consumer?.end(error);
    let first = error;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (first === undefined) resolve({ done: true, value: undefined });
      else reject(first);
      first = undefined;
    }
  }
}

/** What a source throws when it is stopped is nobody's answer. */
function warn(thrown: unknown): void {
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  process.emitWarning(`a stream failed when it was stopped: ${detail}`, { type: 'CallgateWarning' });
}
