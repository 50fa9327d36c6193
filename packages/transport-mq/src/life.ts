import { readFileSync, readlinkSync } from 'node:fs';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';

/** A thread of a process, told from any other that gets its number later by the time when it started. */
export interface Identity {
  readonly pid: number;
  readonly tid: number;
  /** In clock ticks since the system started. */
  readonly start: number;
}

let own: Identity | undefined;

export function ownIdentity(): Identity {
  if (own === undefined) {
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    own = { pid: process.pid, tid, start: startOf(process.pid, tid) ?? 0 };
  }
  return own;
}

export function sameThread(one: Identity, other: Identity): boolean {
  return one.pid === other.pid && one.tid === other.tid && one.start === other.start;
}

export function lives({ pid, tid, start }: Identity): boolean {
  return startOf(pid, tid) === start;
}

/** The process of a thread: where a queue's last receiver was woken by a sender, the kernel notes his thread (msg_lrpid). */
export function processOf(tid: number): number {
  try {
    const pid = /^Tgid:\s*(\d+)/m.exec(readFileSync(`/proc/${tid}/status`, 'latin1'))?.[1];
    return pid === undefined ? tid : Number(pid);
  } catch {
    return tid;
  }
}

/** When a thread started; undefined when there is none, or it has ended and only waits to be counted. Source: proc(5). */
function startOf(pid: number, tid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, in brackets, may have spaces and brackets of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

/** How often, in ms, to look after a thread that no descriptor tells of (before Linux 6.9). */
const LOOK_MS = 50;

/** Tells when a thread ends, on the event loop; `fd`, if there is one, is readable then. */
export class LifeWatch {
  readonly fd: Fd | undefined;
  readonly identity: Identity;
  readonly #native: NativeAddon;
  #watcher: Watcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(native: NativeAddon, identity: Identity, onDeath: () => void) {
    this.#native = native;
    this.identity = identity;
    // Of its own death nobody need be told.
    if (sameThread(identity, ownIdentity())) return;
    const look = (): void => {
      if (!this.#closed && !this.alive) {
        this.close();
        onDeath();
      }
    };
    try {
      this.fd = native.openThread(identity.pid, identity.tid);
    } catch {
      // It has gone, or the kernel can't: `look` finds out.
    }
    // What was opened may be another thread that has got the number.
    if (this.fd === undefined || !lives(identity)) {
      this.#timer = setInterval(look, LOOK_MS);
      this.#timer.unref();
      if (!lives(identity)) setImmediate(look);
      return;
    }
    this.#watcher = native.createWatcher(this.fd, look);
    this.#watcher.unref();
    this.#watcher.watch(1);
  }

  /** Asks now. */
  get alive(): boolean {
    if (sameThread(this.identity, ownIdentity())) return true;
    if (this.fd !== undefined && this.fd.value >= 0 && this.#native.poll([this.fd], [1], 0) !== 0) return false;
    return this.fd !== undefined && this.fd.value >= 0 ? true : lives(this.identity);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher = undefined;
    clearInterval(this.#timer);
    this.fd?.close();
  }
}
