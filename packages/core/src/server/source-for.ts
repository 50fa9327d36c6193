import { type OpenSource, runFor } from '../channel/index.js';
import type { CallInProgress } from './call-in-progress.js';

type Pulled = ReturnType<OpenSource['pull']>;

/** A source of replies whose generator works for a call whenever it runs, whoever makes it run: what it calls is made for that call. */
export class SourceFor implements OpenSource {
  readonly #call: CallInProgress;
  readonly #source: OpenSource;
  readonly #pull: () => Pulled;

  constructor(call: CallInProgress, source: OpenSource) {
    this.#call = call;
    this.#source = source;
    this.#pull = () => source.pull();
  }

  get item(): unknown {
    return this.#source.item;
  }

  get error(): unknown {
    return this.#source.error;
  }

  get onReady(): () => void {
    return this.#source.onReady;
  }

  set onReady(listener: () => void) {
    this.#source.onReady = listener;
  }

  get onDrop(): OpenSource['onDrop'] {
    return this.#source.onDrop;
  }

  set onDrop(listener: OpenSource['onDrop']) {
    this.#source.onDrop = listener;
  }

  start(): void {
    runFor(this.#call, () => this.#source.start(), undefined);
  }

  pull(): Pulled {
    return runFor(this.#call, this.#pull, undefined) as Pulled;
  }

  stop(): Promise<void> | undefined {
    return runFor(this.#call, () => this.#source.stop(), undefined) as Promise<void> | undefined;
  }
}
