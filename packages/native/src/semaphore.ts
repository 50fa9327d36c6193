import type { NativeSemaphore } from './addon-shared.js';
import { loadAddon } from './load.js';
import {
  type Create,
  createFlags,
  hexKey,
  inWords,
  type KeyOrName,
  kernelLimits,
  kernelObjects,
  keyOf,
  octal,
  posixName,
  posixObject,
  systemError,
} from './system-v.js';

/** How long to wait: `immediate` not at all, `never` giving up, or so many milliseconds. */
export type SemaphoreTimeout = 'never' | 'immediate' | number;

/**
 * A counting or binary semaphore that unrelated processes share.
 *
 * - `system-v`: found by key (semget(2)). What a process has taken is given back when it dies (SEM_UNDO).
 * - `posix`: found by name (sem_open(3), a file of /dev/shm). Nobody knows who has taken what: the units of a process that
 *   dies are lost, until somebody releases in its place.
 *
 * Both stay until `unlink`, whoever dies.
 */
export type SemaphoreOptions = {
  /** `if-missing` makes it unless it is there, `exclusive` fails with EEXIST when it is, `never` with ENOENT when not. @default 'if-missing' */
  readonly create?: Create;
  /** Permission bits of what is made; for POSIX less the umask. @default 0o600 */
  readonly mode?: number;
  /** Units in a new one, 0 to 32767. @default 1 */
  readonly initial?: number;
  /**
   * Releasing past 1 is an error (EOVERFLOW). System V looks and changes in one step; POSIX can't: two processes that release
   * at once, although neither has acquired, can still make it 2. @default false
   */
  readonly binary?: boolean;
} & (
  | ({
      readonly kind: 'system-v';
      /** Give back what was taken when the process dies or the handle is closed. @default true */
      readonly undo?: boolean;
    } & KeyOrName)
  | { readonly kind: 'posix'; readonly name: string }
);

export interface Semaphore {
  readonly kind: SemaphoreOptions['kind'];
  /** The id of System V, as ipcs(1) shows it; undefined for POSIX. */
  readonly id: number | undefined;
  /** Units that can be taken now; may be old when it is read. */
  readonly value: number;
  /** Takes a unit. False when there was none in time. Does not block the thread. Rejects by the signal, with its reason. First come, first served within this handle. */
  acquire(timeout?: SemaphoreTimeout, signal?: AbortSignal): Promise<boolean>;
  /** As acquire, blocking the thread. */
  acquireSync(timeout?: SemaphoreTimeout): boolean;
  /** Gives a unit back, or puts one in. EOVERFLOW when a binary one has it already. */
  release(): void;
  /** Removes it: of POSIX the name, and who has it open keeps it; of System V all, and who waits fails with EIDRM. Idempotent. */
  unlink(): void;
  /** Ends this handle, not the semaphore. Waits are rejected with EBADF. With `undo`, what was taken by it is given back. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Longest time to wait for the maker of a System V set to give it its first value, in ms: it takes microseconds. */
const MAKING_MS = 1000;

/**
 * Makes or opens a semaphore. Throws a system error (`code`, `errno`, `syscall`) in words: ENOENT, EEXIST; EACCES, with the
 * owner; ENOSPC, with the limit that is reached; EINVAL for a set of several semaphores; ETIMEDOUT for a set
 * that its maker did not live to finish. Sources: semget(2), semop(2), sem_open(3), sem_overview(7).
 */
export function createSemaphore(options: SemaphoreOptions): Semaphore {
  const { create = 'if-missing', mode = 0o600, initial = 1, binary = false } = options;
  if (!(Number.isInteger(initial) && initial >= 0 && initial <= (binary ? 1 : 32_767))) {
    throw new RangeError(`initial: expected a whole number from 0 to ${binary ? 1 : 32_767}, found ${initial}`);
  }
  const addon = loadAddon();
  if (options.kind === 'posix') {
    if ('undo' in options && options.undo === true) {
      throw new RangeError(
        'undo: a POSIX semaphore does not know who has taken what, so nothing can be given back when a process dies; use kind: "system-v"',
      );
    }
    const name = posixName(options.name);
    try {
      const native = addon.openPosixSemaphore(name, createFlags(create), mode, initial, binary);
      return new SharedSemaphore('posix', native, () => addon.unlinkPosixSemaphore(name));
    } catch (error) {
      throw posixInWords(error, name);
    }
  }
  const key = keyOf(options);
  let id: number;
  try {
    id = addon.getSysvSemaphores(key, 1, mode, createFlags(create), initial);
    awaitMaker(id, key);
  } catch (error) {
    throw setInWords(error, key);
  }
  const native = addon.openSysvSemaphore(id, 0, options.undo ?? true, binary);
  return new SharedSemaphore('system-v', native, () => addon.removeSysvSemaphores(id));
}

/** A set is there before it has a value. Its maker's first operation says that it has. */
function awaitMaker(id: number, key: number): void {
  const addon = loadAddon();
  const rest = new Int32Array(new SharedArrayBuffer(4));
  for (const until = performance.now() + MAKING_MS; ; Atomics.wait(rest, 0, 0, 1)) {
    const { usedAtS, count } = addon.statSysvSemaphores(id);
    if (count !== 1) {
      throw systemError(
        'semget',
        'EINVAL',
        22,
        hexKey(key),
        `a set of ${count} semaphores has this key; expected one of 1`,
      );
    }
    if (usedAtS !== 0) return;
    if (performance.now() > until) {
      const words = `the set has no value yet: its maker seems to have died; remove it (ipcrm -s ${id})`;
      throw systemError('semget', 'ETIMEDOUT', 110, hexKey(key), words);
    }
  }
}

function posixInWords(error: unknown, name: string): unknown {
  const owner = posixObject(`sem.${name.slice(1)}`);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return inWords(error, name, `there is no such semaphore: /dev/shm/sem.${name.slice(1)} does not exist`);
    case 'EEXIST':
      return inWords(error, name, `there is one already, made by uid ${owner?.uid}`);
    case 'EACCES':
      if (owner === undefined) return error;
      return inWords(
        error,
        name,
        `it belongs to uid ${owner.uid} and has mode ${octal(owner.mode)}; this process has uid ${process.geteuid!()}`,
      );
    case 'ENOSPC':
      return inWords(error, name, 'there is no room in /dev/shm, not even for a semaphore');
    default:
      return error;
  }
}

/** What went wrong with a System V set, for those who get one by the addon themselves, too. */
export function setInWords(error: unknown, key: number): unknown {
  const subject = hexKey(key);
  const found = key === 0 ? undefined : kernelObjects('sem').find((set) => set.key === key);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return inWords(error, subject, 'no set of semaphores has this key');
    case 'EEXIST':
      return inWords(error, subject, `a set has this key already, made by uid ${found?.uid}`);
    case 'EACCES':
      if (found === undefined) return error;
      return inWords(
        error,
        subject,
        `a set of uid ${found.uid} has this key, with mode ${octal(found.mode)}; this process has uid ${process.geteuid!()}`,
      );
    case 'ENOSPC': {
      const [, semmns = 0, , semmni = 0] = kernelLimits('sem');
      const many = kernelObjects('sem').length;
      const clear = 'remove those that nobody needs (ipcs -s, ipcrm -s ID) or raise the limit';
      return inWords(
        error,
        subject,
        many >= semmni
          ? `all ${semmni} sets that the system allows (semmni of kernel.sem) are there; ${clear}`
          : `all ${semmns} semaphores that the system allows (semmns of kernel.sem) are there; ${clear}`,
      );
    }
    default:
      return error;
  }
}

interface Waiting {
  readonly settle: (taken: boolean) => void;
  readonly fail: (reason: unknown) => void;
}

class SharedSemaphore implements Semaphore {
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
