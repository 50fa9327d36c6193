/** A semaphore as users hold it: waits on the event loop stand in a queue here, and a thread waits for the first of them. */
import type { NativeSemaphore } from './addon-shared.js';
import type { Semaphore, SemaphoreTimeout } from './semaphore.js';
import { systemError } from './system-v.js';

interface Waiting {
  readonly settle: (taken: boolean) => void;
  readonly fail: (reason: unknown) => void;
}

export class SharedSemaphore implements Semaphore {
  readonly kind: Semaphore['kind'];
  readonly #native: NativeSemaphore;
  readonly #unlink: () => void;
  /** Who waits on the event loop, in the order in which they came. While there are any, a thread waits for a unit. */
  readonly #queue: Waiting[] = [];
  #linked = true;

  constructor(kind: Semaphore['kind'], native: NativeSemaphore, unlink: () => void) {
    this.kind = kind;
    this.#native = native;
    this.#unlink = unlink;
  }

  get id(): number | undefined {
    return this.kind === 'posix' ? undefined : this.#native.id;
  }

  get value(): number {
    return this.#native.value();
  }

  acquireSync(timeout: SemaphoreTimeout = 'never'): boolean {
    return this.#native.acquire(milliseconds(timeout));
  }

  async acquire(timeout: SemaphoreTimeout = 'never', signal?: AbortSignal): Promise<boolean> {
    const ms = milliseconds(timeout);
    signal?.throwIfAborted();
    if (this.#queue.length === 0 && this.#native.acquire(0)) return true;
    if (ms === 0) return false;
    return this.#wait(performance.now() + ms, signal);
  }

  release(): void {
    this.#native.release();
  }

  unlink(): void {
    if (this.#linked) this.#unlink();
    this.#linked = false;
  }

  close(): void {
    for (const waiting of this.#queue.splice(0)) {
      waiting.fail(systemError('semop', 'EBADF', 9, 'acquire', 'the semaphore was closed while it was waited for'));
    }
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #wait(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        settle: (taken) => {
          done();
          resolve(taken);
        },
        fail: (reason) => {
          done();
          reject(reason);
        },
      };
      const onAbort = (): void => {
        if (this.#leave(waiting)) waiting.fail(signal?.reason);
      };
      const onTimer = (): void => {
        const left = deadline - performance.now();
        if (left > 0) arm(left);
        else if (this.#leave(waiting)) waiting.settle(false);
      };
      const arm = (left: number): void => {
        timer = setTimeout(onTimer, Math.min(Math.ceil(left), 2 ** 31 - 1));
      };
      if (deadline !== Number.POSITIVE_INFINITY) arm(deadline - performance.now());
      signal?.addEventListener('abort', onAbort);
      this.#queue.push(waiting);
      if (this.#queue.length > 1) return;
      try {
        this.#native.beginAcquire(() => this.#onTaken());
      } catch (error) {
        this.#queue.pop();
        waiting.fail(error);
      }
    });
  }

  #onTaken(): void {
    // Whatever came meanwhile: it belongs to the first in the queue, and the others go on waiting.
    const taken = this.#native.endAcquire();
    const first = this.#queue.shift();
    if (first === undefined) {
      if (taken) this.#native.release();
      return;
    }
    if (taken) {
      first.settle(true);
    } else {
      first.fail(this.#failure());
    }
    if (this.#queue.length > 0) this.#native.beginAcquire(() => this.#onTaken());
  }

  /** Why nothing could be taken: trying once more tells in words. */
  #failure(): unknown {
    try {
      if (this.#native.acquire(0)) this.#native.release();
    } catch (error) {
      return error;
    }
    return systemError('semop', 'EIDRM', 43, 'acquire', 'the semaphore failed while it was waited for');
  }

  /** Takes one out of the queue. False when it was served in the last moment. */
  #leave(waiting: Waiting): boolean {
    const place = this.#queue.indexOf(waiting);
    if (place === -1) return false;
    if (this.#queue.length === 1 && this.#native.endAcquire()) {
      this.#queue.pop();
      waiting.settle(true);
      return false;
    }
    this.#queue.splice(place, 1);
    return true;
  }
}

function milliseconds(timeout: SemaphoreTimeout): number {
  if (timeout === 'never') return Number.POSITIVE_INFINITY;
  if (timeout === 'immediate') return 0;
  if (typeof timeout === 'number' && timeout >= 0) return timeout;
  throw new RangeError(`timeout: expected 'never', 'immediate' or a number of milliseconds, found ${String(timeout)}`);
}
