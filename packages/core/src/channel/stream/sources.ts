// What is needed of rxjs alone: the whole of it takes ten times as long to load.
import { Subscriber } from 'rxjs/internal/Subscriber';
import { Reason, RpcError } from '../../errors/index.js';

/** What gives values in its own time, as an rxjs Observable does. Only what is needed of one is named here. */
export interface ObservableLike<T> {
  subscribe(observer: { next(value: T): void; error(error: unknown): void; complete(): void }): { unsubscribe(): void };
}

/** Anything that gives the messages of a stream: an array or generator, an async one, an observable. */
export type StreamSource<T> = Iterable<T> | AsyncIterable<T> | ObservableLike<T> | PacedSource<T>;

/** What to do with values of an observable, which can't be made to wait, when they come faster than they are taken. */
export interface Overflow {
  /** `fail` ends the stream with RESOURCE_EXHAUSTED (OVERFLOW). @default 'fail' */
  readonly policy?: 'fail' | 'drop-oldest' | 'drop-newest' | undefined;
  /** Values that may wait at this side, beyond those that the reader's window takes. @default 1024 */
  readonly bound?: number | undefined;
}

interface FullOverflow {
  readonly policy: 'fail' | 'drop-oldest' | 'drop-newest';
  readonly bound: number;
}

/** Under this an observable stands beside its policy. */
export const paced: unique symbol = Symbol.for('callgate.PacedSource');

/** An observable with its own overflow policy; see `withOverflow`. */
export interface PacedSource<T> {
  readonly [paced]: { readonly observable: ObservableLike<T>; readonly overflow: FullOverflow };
}

const DEFAULT_BOUND = 1024;

/**
 * Says what becomes of the values of an observable that come faster than the other side reads: give it to a stub, or
 * return it from a handler, in place of the observable. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function withOverflow<T>(observable: ObservableLike<T>, overflow: Overflow = {}): PacedSource<T> {
  if (typeof (observable as Partial<ObservableLike<T>> | undefined)?.subscribe !== 'function')
    throw badOption('expected an observable (anything else can be made to wait), found something without subscribe');
  const { policy = 'fail', bound = DEFAULT_BOUND } = overflow;
  if (policy !== 'fail' && policy !== 'drop-oldest' && policy !== 'drop-newest')
    throw badOption(`policy: expected 'fail', 'drop-oldest' or 'drop-newest', found ${String(policy)}`);
  if (!Number.isInteger(bound) || bound < 1) throw badOption(`bound: expected a number of at least 1, found ${bound}`);
  return { [paced]: { observable, overflow: { policy, bound } } };
}

function badOption(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', `withOverflow: ${words}`, { reason: Reason.BAD_OPTION });
}

/** What `pull` found. */
export const Pulled = {
  /** The next value is in `item`. */
  ITEM: 0,
  /** None yet: `onReady` will be called. */
  NOTHING: 1,
  DONE: 2,
  /** The source failed, with `error`. */
  FAILED: 3,
} as const;
export type Pulled = (typeof Pulled)[keyof typeof Pulled];

/** Any source, to be pulled from. */
export interface OpenSource {
  readonly item: unknown;
  readonly error: unknown;
  /** Called when there may be something to pull. Must not throw. */
  onReady: () => void;
  /** Hears of each value that was taken, or given unasked, and will not be pulled. Must not throw. */
  onDrop: (value: unknown) => void;
  /** To be called once, before the first `pull`, with `onReady` in place. May call it at once. */
  start(): void;
  pull(): Pulled;
  /**
   * Ends the source early: its generator's `finally` runs, its subscription ends. Idempotent; nothing is pulled
   * afterwards. Gives a promise when that takes time. Throws, or rejects with, what the source throws.
   */
  stop(): Promise<void> | undefined;
}

/** Opens a source; `undefined` when the value is none. */
export function openSource(value: unknown): OpenSource | undefined {
  if (typeof value !== 'object' && typeof value !== 'function') return undefined;
  if (value === null) return undefined;
  const source = value as Partial<PacedSource<unknown> & AsyncIterable<unknown> & Iterable<unknown>> &
    Partial<ObservableLike<unknown>>;
  const withPace = source[paced];
  if (withPace !== undefined) return new ObservableSource(withPace.observable, withPace.overflow);
  // What is both an async iterable and an observable (a stream that a client reads, handed on) can be made to wait.
  if (typeof source[Symbol.asyncIterator] === 'function') return new AsyncSource(source as AsyncIterable<unknown>);
  if (typeof source.subscribe === 'function')
    return new ObservableSource(source as ObservableLike<unknown>, { policy: 'fail', bound: DEFAULT_BOUND });
  if (typeof source[Symbol.iterator] === 'function') return new IterableSource(source as Iterable<unknown>);
  return undefined;
}

const ignore = (): void => {};

class IterableSource implements OpenSource {
  item: unknown;
  error: unknown;
  onReady = ignore;
  onDrop: (value: unknown) => void = ignore;
  readonly #iterable: Iterable<unknown>;
  #iterator: Iterator<unknown> | undefined;
  #over = false;

  constructor(iterable: Iterable<unknown>) {
    this.#iterable = iterable;
  }

  start(): void {}

  pull(): Pulled {
    if (this.#over) return Pulled.DONE;
    try {
      this.#iterator ??= this.#iterable[Symbol.iterator]();
      const result = this.#iterator.next();
      if (result.done !== true) {
        this.item = result.value;
        return Pulled.ITEM;
      }
      this.#over = true;
      return Pulled.DONE;
    } catch (error) {
      this.#over = true;
      this.error = error;
      return Pulled.FAILED;
    }
  }

  stop(): undefined {
    if (this.#over) return;
    this.#over = true;
    this.#iterator?.return?.();
  }
}

class AsyncSource implements OpenSource {
  item: unknown;
  error: unknown;
  onReady = ignore;
  onDrop: (value: unknown) => void = ignore;
  readonly #iterable: AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | undefined;
  /** What the last look at the iterator gave; undefined when the next look is due. */
  #found: Pulled | undefined;
  #stopped = false;
  readonly #onNext = (result: IteratorResult<unknown>): void => {
    if (result.done === true) this.#found = Pulled.DONE;
    else if (this.#stopped) this.onDrop(result.value);
    else {
      this.item = result.value;
      this.#found = Pulled.ITEM;
    }
    if (!this.#stopped) this.onReady();
  };
  readonly #onError = (error: unknown): void => {
    this.error = error;
    this.#found = Pulled.FAILED;
    if (!this.#stopped) this.onReady();
  };

  constructor(iterable: AsyncIterable<unknown>) {
    this.#iterable = iterable;
  }

  start(): void {}

  pull(): Pulled {
    const found = this.#found;
    if (found === Pulled.ITEM) this.#found = undefined;
    if (found !== undefined) return found;
    this.#found = Pulled.NOTHING;
    try {
      this.#iterator ??= this.#iterable[Symbol.asyncIterator]();
      // Not every iterator keeps to the rule that it gives promises.
      Promise.resolve(this.#iterator.next()).then(this.#onNext, this.#onError);
    } catch (error) {
      this.error = error;
      this.#found = Pulled.FAILED;
    }
    return this.#found;
  }

  stop(): Promise<void> | undefined {
    const over = this.#stopped || this.#found === Pulled.DONE || this.#found === Pulled.FAILED;
    this.#stopped = true;
    if (this.#found === Pulled.ITEM) {
      this.#found = Pulled.NOTHING;
      this.onDrop(this.item);
    }
    if (over || this.#iterator === undefined) return undefined;
    const stopping = this.#iterator.return?.();
    return stopping === undefined ? undefined : Promise.resolve(stopping).then(ignore);
  }
}

/** Values come when they come: those that can't be sent at once wait here, up to a bound. */
class ObservableSource implements OpenSource {
  item: unknown;
  error: unknown;
  onReady = ignore;
  onDrop: (value: unknown) => void = ignore;
  readonly #observable: ObservableLike<unknown>;
  readonly #overflow: FullOverflow;
  readonly #waiting: unknown[] = [];
  #subscription: { unsubscribe(): void } | undefined;
  /** How it ends, once what waits has been pulled. */
  #end: Pulled | undefined;
  #stopped = false;

  constructor(observable: ObservableLike<unknown>, overflow: FullOverflow) {
    this.#observable = observable;
    this.#overflow = overflow;
  }

  start(): void {
    // A subscriber of its own, to which rxjs listens: a plain observer could not end what gives all its values at once.
    const subscriber = new Subscriber<unknown>({
      next: (value) => this.#next(value),
      error: (error: unknown) => this.#finish(Pulled.FAILED, error),
      complete: () => this.#finish(Pulled.DONE),
    });
    this.#subscription = subscriber;
    try {
      const subscription = this.#observable.subscribe(subscriber);
      if (subscription !== subscriber) subscriber.add(() => subscription.unsubscribe());
    } catch (error) {
      this.#finish(Pulled.FAILED, error);
    }
  }

  pull(): Pulled {
    if (this.#waiting.length === 0) return this.#end ?? Pulled.NOTHING;
    this.item = this.#waiting.shift();
    return Pulled.ITEM;
  }

  stop(): undefined {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dropAll();
    this.#subscription?.unsubscribe();
  }

  #next(value: unknown): void {
    if (this.#stopped || this.#end !== undefined) {
      this.onDrop(value);
      return;
    }
    this.#waiting.push(value);
    this.onReady();
    // What could be sent has gone by now.
    if (this.#waiting.length > this.#overflow.bound) this.#overflows();
  }

  #overflows(): void {
    const { policy, bound } = this.#overflow;
    if (policy === 'drop-oldest') this.onDrop(this.#waiting.shift());
    else if (policy === 'drop-newest') this.onDrop(this.#waiting.pop());
    else {
      this.#dropAll();
      this.#finish(Pulled.FAILED, overflown(bound));
      this.#subscription?.unsubscribe();
    }
  }

  #dropAll(): void {
    for (const value of this.#waiting.splice(0)) this.onDrop(value);
  }

  #finish(end: Pulled, error?: unknown): void {
    if (this.#stopped || this.#end !== undefined) return;
    this.#end = end;
    this.error = error;
    this.onReady();
  }
}

function overflown(bound: number): RpcError {
  const words = `the observable gave more messages than are read: ${bound} wait already, and it can't be made to wait; give a generator instead, or say what to drop (withOverflow)`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.OVERFLOW });
}
