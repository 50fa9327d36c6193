import { existsSync } from 'node:fs';
import { type Transferable, Worker } from 'node:worker_threads';
import type { Request } from './messages.js';
import type { Keeper } from './stream.js';

/** The thread that keeps this one's connections, from the first of them to the last. One per thread by nature. */
let current: KeeperThread | undefined;

/** Starts it, if there is none. */
export function currentKeeper(): KeeperThread {
  current ??= new KeeperThread(() => {
    current = undefined;
  });
  return current;
}

/** What its program is given. */
export interface KeeperData {
  /** The kernel's number of the thread, once it runs; 0 where that can't be told. */
  readonly thread: SharedArrayBuffer;
}

/** A thread that does not keep this one alive, unless somebody says so. */
export class KeeperThread implements Keeper {
  readonly #worker: Worker;
  readonly #thread = new Int32Array(new SharedArrayBuffer(4));
  readonly #onEnd: () => void;
  /** All that is kept, by whatever names it. */
  readonly #kept = new Set<object>();
  #holds = 0;
  #exited = false;

  /** `onEnd`: it takes no further requests. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(new URL('./program.js', import.meta.url), {
      name: 'callgate:tls',
      // Not this process' own, such as --input-type, which a thread with a file of its own does not take.
      execArgv: [],
      workerData: { thread: this.#thread.buffer } satisfies KeeperData,
    });
    this.#worker.unref();
    this.#worker.on('exit', () => {
      this.#exited = true;
      if (current === this) onEnd();
    });
    // An error is always followed by the exit.
    this.#worker.on('error', () => undefined);
  }

  get alive(): boolean {
    const thread = Atomics.load(this.#thread, 0);
    return !this.#exited && (thread === 0 || existsSync(`/proc/self/task/${thread}`));
  }

  hold(): void {
    if (this.#holds++ === 0) this.#worker.ref();
  }

  letGo(): void {
    if (--this.#holds === 0) this.#worker.unref();
  }

  post(request: Request, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  add(what: object): void {
    this.#kept.add(what);
  }

  /** Without anything to keep, the thread ends. */
  remove(what: object): void {
    if (!this.#kept.delete(what) || this.#kept.size > 0) return;
    this.#onEnd();
    this.post({ kind: 'end' });
  }
}
