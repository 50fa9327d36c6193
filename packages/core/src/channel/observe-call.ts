import { Reason, RpcError } from '../errors/index.js';
import { type OpenStream, openStream, RpcStream, type StreamReading } from './stream/rpc-stream.js';
import { type ObservableLike, type PacedSource, paced } from './stream/sources.js';

/** What an interceptor wants to hear of a call. Neither may throw. */
export interface CallObserver {
  /** A reply; of a method whose replies stream, each of them. */
  readonly onItem?: ((item: unknown) => void) | undefined;
  /**
   * The call has ended, which is told once: without an error when it succeeded. Who stops reading a stream before its
   * end ends it with CANCELLED.
   */
  readonly onEnd?: ((error: unknown) => void) | undefined;
}

/**
 * Goes on with a call and tells what comes of it, whatever it gives: a value, a promise, a stream, an iterable. For
 * interceptors: `(call, next) => observeCall(() => next(call), { onEnd: (error) => … })`. Gives back the like.
 */
export function observeCall(run: () => unknown, observer: CallObserver): unknown {
  const heard = new Heard(observer);
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    heard.end(error);
    throw error;
  }
  return observed(result, heard);
}

/** An observer that hears of the end once. */
class Heard {
  readonly #observer: CallObserver;
  #ended = false;

  constructor(observer: CallObserver) {
    this.#observer = observer;
  }

  item(item: unknown): void {
    if (!this.#ended) this.#observer.onItem?.(item);
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#observer.onEnd?.(error);
  }

  stopped(): void {
    if (!this.#ended)
      this.end(new RpcError('CANCELLED', 'the stream is not read any more', { reason: Reason.ABORTED_BY_CALLER }));
  }
}

type AnyShape = Partial<
  PromiseLike<unknown> & PacedSource<unknown> & AsyncIterable<unknown> & Iterable<unknown> & ObservableLike<unknown>
>;

function observed(result: unknown, heard: Heard): unknown {
  const shape: AnyShape = typeof result === 'object' && result !== null ? result : {};
  if (typeof shape.then === 'function') return whenObserved(shape as PromiseLike<unknown>, heard);
  if (result instanceof RpcStream) return new RpcStream(() => observedReading(openStream(result), heard));
  const withPace = shape[paced];
  if (withPace !== undefined)
    return { [paced]: { ...withPace, observable: observedObservable(withPace.observable, heard) } };
  if (typeof shape[Symbol.asyncIterator] === 'function')
    return { [Symbol.asyncIterator]: () => observedAsync(result as AsyncIterable<unknown>, heard) };
  if (typeof shape.subscribe === 'function') return observedObservable(result as ObservableLike<unknown>, heard);
  if (typeof shape[Symbol.iterator] === 'function')
    return { [Symbol.iterator]: () => observedIterable(result as Iterable<unknown>, heard) };
  heard.item(result);
  heard.end();
  return result;
}

async function whenObserved(promise: PromiseLike<unknown>, heard: Heard): Promise<unknown> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    heard.end(error);
    throw error;
  }
  return observed(result, heard);
}

function observedReading<T>(inner: OpenStream<T>, heard: Heard): OpenStream<T> {
  const { receiver } = inner;
  const reading: StreamReading<T> = {
    subscribe: (consumer) =>
      receiver.subscribe({
        next: (item) => {
          heard.item(item);
          consumer.next(item);
        },
        end: (error) => {
          heard.end(error);
          consumer.end(error);
        },
      }),
    whenNext: async () => {
      try {
        const result = await receiver.whenNext();
        if (result.done === true) heard.end();
        else heard.item(result.value);
        return result;
      } catch (error) {
        heard.end(error);
        throw error;
      }
    },
    close: () => {
      heard.stopped();
      receiver.close();
    },
  };
  return { receiver: reading, start: () => inner.start(), stop: () => inner.stop() };
}

async function* observedAsync(source: AsyncIterable<unknown>, heard: Heard): AsyncGenerator<unknown> {
  try {
    for await (const item of source) {
      heard.item(item);
      yield item;
    }
    heard.end();
  } catch (error) {
    heard.end(error);
    throw error;
  } finally {
    heard.stopped();
  }
}

function* observedIterable(source: Iterable<unknown>, heard: Heard): Generator<unknown> {
  try {
    for (const item of source) {
      heard.item(item);
      yield item;
    }
    heard.end();
  } catch (error) {
    heard.end(error);
    throw error;
  } finally {
    heard.stopped();
  }
}

function observedObservable(source: ObservableLike<unknown>, heard: Heard): ObservableLike<unknown> {
  return {
    subscribe: (observer) => {
      const subscription = source.subscribe({
        next: (item) => {
          heard.item(item);
          observer.next(item);
        },
        error: (error) => {
          heard.end(error);
          observer.error(error);
        },
        complete: () => {
          heard.end();
          observer.complete();
        },
      });
      return {
        unsubscribe: () => {
          heard.stopped();
          subscription.unsubscribe();
        },
      };
    },
  };
}
