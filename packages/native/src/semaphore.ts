import { loadAddon } from './load.js';
import { posixInWords, setInWords } from './semaphore-errors.js';
import { SharedSemaphore } from './shared-semaphore.js';
import { type Create, createFlags, hexKey, type KeyOrName, keyOf, posixName, systemError } from './system-v.js';

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
