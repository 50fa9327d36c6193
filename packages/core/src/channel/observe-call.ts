import { Reason, RpcError } from '../errors/index.js';
import { type OpenStream, openStream, RpcStream, type StreamReading } from './stream/rpc-stream.js';
import { type ObservableLike, type PacedSource, paced } from './stream/sources.js';

/** What an interceptor wants to hear of a call. What either throws fails the call, a stream when it is read. */
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
  /** Who reads is told of what the observer threw, and nobody reads on. */
  const failed = (thrown: unknown): RpcError => {
    receiver.close();
    inner.stop();
    return observerError(thrown);
  };
  const reading: StreamReading<T> = {
    subscribe: (consumer) => {
      let over = false;
      receiver.subscribe({
        next: (item) => {
          if (over) return;
          const problem = thrownBy(() => heard.item(item));
          if (problem === undefined) {
            consumer.next(item);
            return;
          }
          over = true;
          consumer.end(failed(problem.thrown));
        },
        end: (error) => {
          if (over) return;
          over = true;
          const problem = thrownBy(() => heard.end(error));
          consumer.end(problem === undefined ? error : failed(problem.thrown));
        },
      });
    },
    whenNext: async () => {
      let result: IteratorResult<T, undefined>;
      try {
        result = await receiver.whenNext();
      } catch (error) {
        const problem = thrownBy(() => heard.end(error));
        throw problem === undefined ? error : observerError(problem.thrown);
      }
      const problem = thrownBy(() => (result.done === true ? heard.end() : heard.item(result.value)));
      if (problem !== undefined) throw failed(problem.thrown);
      return result;
    },
    close: () => {
      const problem = thrownBy(() => heard.stopped());
      receiver.close();
      // Who does not read any more waits for no answer, and may have unsubscribed from within what rxjs is doing.
      if (problem !== undefined)
        process.emitWarning(observerError(problem.thrown).message, { type: 'CallgateWarning' });
    },
  };
  return { receiver: reading, start: () => inner.start(), stop: () => inner.stop() };
}

function thrownBy(run: () => void): { readonly thrown: unknown } | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

function observerError(thrown: unknown): RpcError {
  if (RpcError.is(thrown)) return thrown;
  const words = `an interceptor failed: ${RpcError.from(thrown).message}`;
  return new RpcError('INTERNAL', words, { reason: Reason.INTERCEPTOR_FAILED, cause: thrown });
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
      let over = false;
      let subscription: { unsubscribe(): void } | undefined;
      /** An observable has nobody who would hear of what is thrown at it: rxjs has it end the process. */
      const tell = (hear: () => void, goOn: () => void): void => {
        if (over) return;
        const problem = thrownBy(hear);
        if (problem === undefined) {
          goOn();
          return;
        }
        over = true;
        subscription?.unsubscribe();
        observer.error(problem.thrown);
      };
      subscription = source.subscribe({
        next: (item) =>
          tell(
            () => heard.item(item),
            () => observer.next(item),
          ),
        error: (error) =>
          tell(
            () => heard.end(error),
            () => observer.error(error),
          ),
        complete: () =>
          tell(
            () => heard.end(),
            () => observer.complete(),
          ),
      });
      // It may have given what made its observer throw before it gave the subscription.
      if (over) subscription.unsubscribe();
      return {
        unsubscribe: () => {
          over = true;
          heard.stopped();
          subscription.unsubscribe();
        },
      };
    },
  };
}
