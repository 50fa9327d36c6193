import { existsSync, readlinkSync } from 'node:fs';

/**
 * The kernel's number of the calling thread, 0 where it can't be told. A thread that ends takes its entry in /proc with
 * it, which is the only trace that a terminated worker leaves for its siblings.
 * Source: proc(5), /proc/thread-self.
 */
export function ownThread(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}

/** False once the thread is gone; true where that can't be told. */
export function threadLives(thread: number): boolean {
  return thread === 0 || existsSync(`/proc/self/task/${thread}`);
}
