/**
 * The part of the addon that is about what processes share by name or key: memory, semaphores, and bells made of both.
 * For users there are `createSharedMemory` and `createSemaphore`, which say in words what went wrong. The rules of
 * addon.ts hold: errors with `code`, `errno` and `syscall`, handles of one thread, idempotent `close`.
 */
import type { Fd, Mapping } from './addon.js';

/** What shmctl(2), IPC_STAT, tells of a System V segment. All of it is the kernel's word. */
export interface SysvMemoryStatus {
  readonly bytes: number;
  /** Effective ids of the creator, and permission bits. */
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** The process that made it, and the one that last attached or detached it. */
  readonly creatorPid: number;
  readonly lastPid: number;
  /** How often it is attached now, by all processes together. */
  readonly attached: number;
}

/** What semctl(2), IPC_STAT, tells of a System V set. */
export interface SysvSemaphoresStatus {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Semaphores in the set. */
  readonly count: number;
  /** Seconds since 1970 at the last semop(2); 0 as long as its maker has not given it values. */
  readonly usedAtS: number;
  /** The process that was the last to change the first of them. */
  readonly lastPid: number;
}

/** One semaphore. A unit that was taken with `undo` is given back when the process ends, or this handle is closed. */
export interface NativeSemaphore {
  /** Id of the System V set; -1 for POSIX. */
  readonly id: number;
  /** Takes a unit, blocking at most `timeoutMs` (0: not at all; Infinity: for ever). False when there was none in time. */
  acquire(timeoutMs: number): boolean;
  /** Puts a unit in. EOVERFLOW or ERANGE at the most that a semaphore can hold, which is 1 for a binary one. */
  release(): void;
  /** Units that can be taken now; may be old when it is read. */
  value(): number;
  /**
   * Lets a thread wait for a unit. `onTaken` is called from the event loop, with 0 or an errno; `endAcquire` then gives the
   * unit. One at a time; the function of the first call counts. Keeps the event loop alive until `endAcquire`.
   */
  beginAcquire(onTaken: (errno: number) => void): void;
  /** Ends the wait. True when a unit was taken: it is the caller's. */
  endAcquire(): boolean;
  close(): void;
}

/**
 * One end's way of waking the other and of learning that it is gone, in memory that both share (native/bell.cc). Who
 * blocks waits at one semaphore, the event loop (by a thread) at another; only who waits is posted.
 */
export interface Bell {
  /** Wakes the peer, if it waits, and ends its next wait otherwise. Never blocks, never fails. */
  ring(): void;
  /**
   * Blocks the thread until rung, at most `timeoutMs` (Infinity: for ever), or until the peer is gone. May return early. A
   * worker that is being terminated stops blocking within 40 ms. Undefined, or anything else when the peer is gone.
   */
  wait(timeoutMs: number): unknown;
  /** As wait, for a millisecond at most, on an event loop that would sleep in vain to be woken at once. */
  nap(): unknown;
  /** Calls `onRing` from the event loop when rung. Once. Does not keep the loop alive unless `ref` was called. EAGAIN when no thread can be made. */
  listen(onRing: () => void): void;
  /** True once the peer has closed its bell, its thread or its process has ended. `look`: asks after the process, by a system call. */
  peerGone(look: boolean): boolean;
  ref(): void;
  unref(): void;
  /** Tells the peer, wakes it, and releases all. */
  close(): void;
}

export interface SharedAddon {
  // --- memory with a name (shm_open(3)) ---
  /**
   * Makes an object of that size (1 to 2^32-1 bytes), all of it there (posix_fallocate(3)): its use is never a SIGBUS for
   * want of room. The mode holds whatever the umask. EEXIST; ENOSPC; EACCES; EINVAL for a name like `/a/b`.
   */
  createPosixMemory(name: string, bytes: number, mode: number): Fd;
  /** ENOENT, EACCES. Anybody who can open an object can also shrink it, whose use is then a SIGBUS. */
  openPosixMemory(name: string): Fd;
  /** False when there is none. */
  unlinkPosixMemory(name: string): boolean;
  /** Maps the first `bytes` of a file, shared and read-write. EINVAL when it is shorter. */
  mapShared(fd: Fd, bytes: number): Mapping;
  /**
   * The lock on the first byte of an open file that belongs to this very descriptor (fcntl(2), F_OFD_SETLK) until it is
   * closed. `take` true: takes it; false when another has it. `take` false: only tells whether it is free.
   */
  lockOpenFile(fd: Fd, take: boolean): boolean;

  // --- memory with a key (shmget(2)) ---
  /** Id of the segment. `key` 0 (IPC_PRIVATE): always a new one. `flags`: 1 create, 2 exclusive. ENOENT, EEXIST, EACCES, EINVAL, ENOSPC. */
  getSysvMemory(key: number, bytes: number, mode: number, flags: number): number;
  statSysvMemory(id: number): SysvMemoryStatus;
  /** Attaches the whole segment. It can't be shrunk by anybody. */
  attachSysvMemory(id: number): Mapping;
  /** IPC_RMID: it goes when the last process has detached it. False when it is gone already. */
  removeSysvMemory(id: number): boolean;

  // --- semaphores ---
  /** sem_open(3). `flags`: 1 create (with `mode` less the umask, and `initial` units), 2 exclusive. */
  openPosixSemaphore(name: string, flags: number, mode: number, initial: number, binary: boolean): NativeSemaphore;
  /** False when there is none. */
  unlinkPosixSemaphore(name: string): boolean;
  /** Id of the set. A new one has `initial` units in each semaphore. `key` and `flags` as for memory. */
  getSysvSemaphores(key: number, count: number, mode: number, flags: number, initial: number): number;
  statSysvSemaphores(id: number): SysvSemaphoresStatus;
  /** IPC_RMID: at once; who waits gets EIDRM. False when it is gone already. */
  removeSysvSemaphores(id: number): boolean;
  /** One semaphore of a set. `undo`: SEM_UNDO. `binary` is kept in one step; that of POSIX is looked at first and then changed. */
  openSysvSemaphore(id: number, number: number, undo: boolean, binary: boolean): NativeSemaphore;
  /** Threads of this process that wait on behalf of event loops. */
  blockedThreads(): number;

  // --- bells ---
  /**
   * End 0 or 1 of the bell at `offset` (a multiple of 64; 512 bytes, within the first page) of an open object, with unnamed POSIX
   * semaphores, which `fresh` makes. `peer`: the other process (openProcess), to notice its end while blocked.
   */
  createPosixBell(fd: Fd, offset: number, end: 0 | 1, fresh: boolean, peer: Fd | null): Bell;
  /** The same with four semaphores of a System V set. */
  createSysvBell(shmId: number, offset: number, end: 0 | 1, semId: number, peer: Fd | null): Bell;
}
