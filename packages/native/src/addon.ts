/**
 * The whole native addon, declared. Mechanism only. Everything here throws an Error with `errno` (number), `code`
 * (such as 'ECONNREFUSED') and `syscall`, unless a value is documented for the case. Handles have an idempotent `close`,
 * are closed when their environment (main thread or worker) ends, and when they are collected.
 */

/** An owned file descriptor. */
export interface Fd {
  /** The number; -1 once closed. */
  readonly value: number;
  close(): void;
}

/** Mapped memory. After `close` the buffer is detached (byteLength 0) and the memory unmapped. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  close(): void;
}

/** Watches a descriptor from the event loop (uv_poll_t). Does not own the descriptor; close the watcher first. */
export interface Watcher {
  /** Events: 1 readable, 2 writable, 4 disconnect. 0 stops. Level-triggered. */
  watch(events: number): void;
  ref(): void;
  unref(): void;
  close(): void;
}

export interface UnixCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface NativeAddon {
  // --- memory ---
  /** memfd_create(2) with CLOEXEC, sized, sealed against shrinking, growing and further sealing. */
  createMemfd(name: string, bytes: number): Fd;
  /** Maps a whole memfd shared and read-write, after verifying its seals (SHRINK and GROW) and that its size is `bytes`. */
  mapMemfd(fd: Fd, bytes: number): Mapping;
  /** Size of the file behind a descriptor, in bytes. */
  fdBytes(fd: Fd): number;

  // --- doorbells ---
  /** eventfd(2), CLOEXEC and NONBLOCK, counter 0. */
  createEventFd(): Fd;
  /** Adds 1 to the counter, waking who polls it. Never blocks. */
  ringEventFd(fd: Fd): void;
  /** Sets the counter to 0; true if it was not 0. Never blocks. */
  drainEventFd(fd: Fd): boolean;

  // --- sockets ---
  /**
   * Binds and listens at a path, CLOEXEC and NONBLOCK. The socket file has exactly `mode` from its first moment on.
   * EADDRINUSE when the file exists, whether or not anybody listens.
   */
  listenUnix(path: string, mode: number, backlog: number): Fd;
  /** One connection, or null when none waits. CLOEXEC and NONBLOCK. */
  acceptUnix(listener: Fd): Fd | null;
  /** Connects, blocking at most `timeoutMs` (0: not at all; Infinity: for ever) while the backlog is full. CLOEXEC and NONBLOCK. ETIMEDOUT. */
  connectUnix(path: string, timeoutMs: number): Fd;
  /** SO_PEERCRED: credentials of the process that connected or listened. */
  peerCredentials(socket: Fd): UnixCredentials;
  /** Bytes read, 0 at end of file, -1 when nothing is there now. */
  read(fd: Fd, bytes: Uint8Array, start: number, end: number): number;
  /** Bytes written, -1 when the mechanism is full now. No SIGPIPE: EPIPE is thrown. */
  write(fd: Fd, bytes: Uint8Array, start: number, end: number): number;
  /** sendmsg(2) with SCM_RIGHTS. Bytes written, -1 when full now. The descriptors stay the sender's. */
  sendWithFds(socket: Fd, bytes: Uint8Array, start: number, end: number, fds: readonly Fd[]): number;
  /** recvmsg(2), CLOEXEC. At most `maxFds` descriptors are taken into `into`; surplus ones are closed. Result as `read`. */
  receiveWithFds(socket: Fd, bytes: Uint8Array, start: number, end: number, into: Fd[], maxFds: number): number;
  /** shutdown(2) of both directions, ignoring ENOTCONN. */
  shutdownSocket(socket: Fd): void;
  /** Bytes written that the peer has not read yet (SIOCOUTQ). */
  unreadBytes(socket: Fd): number;

  // --- waiting ---
  /**
   * poll(2) on up to 4 descriptors, blocking the thread at most `timeoutMs` (rounded up; 0 does not block; Infinity for
   * ever; EINTR continues with what is left). `events[i]`: 1 readable, 2 writable, 4 disconnect (POLLRDHUP).
   * Returns a bit mask of 4 bits per descriptor, the i-th shifted by 4*i: 1 readable, 2 writable, 4 hung up (POLLHUP,
   * POLLRDHUP), 8 error. 0 on timeout.
   */
  poll(fds: readonly Fd[], events: readonly number[], timeoutMs: number): number;
  /** A watcher on the calling environment's event loop; `onEvents` gets the same bits as `poll`. */
  createWatcher(fd: Fd, onEvents: (events: number) => void): Watcher;

  // --- system ---
  /** CPUs that the calling thread may run on (sched_getaffinity(2)), at least 1. */
  availableCpus(): number;
}
