/**
 * The whole native addon, declared. Mechanism only. Everything here throws an Error shaped as Node's own system errors,
 * with `code` (such as 'ECONNREFUSED'), `errno` (its number, negative) and `syscall`, unless a value is documented for
 * the case; a TypeError for an argument of the wrong type; a RangeError for one out of range. A closed Fd gives EBADF
 * and no system call. Handles belong to the thread that made them, have an idempotent `close`, are closed when their
 * environment (main thread or worker) ends, and when they are collected. All descriptors are CLOEXEC; a call that a
 * signal interrupts goes on.
 */

/** An owned file descriptor. */
export interface Fd {
  /** The number; -1 once closed or detached. */
  readonly value: number;
  /** Closes its watcher, if it has one, and the descriptor. */
  close(): void;
  /** Closes its watcher, if it has one, and gives the descriptor away: who calls this owns the number, -1 if there is none. */
  detach(): number;
  /** As `close`. */
  [Symbol.dispose](): void;
}

/**
 * Mapped memory. After `close` the buffer is detached (byteLength 0) and the memory unmapped. Without it, the memory
 * stays mapped as long as the buffer can be reached. Do not give the buffer to an asynchronous operation (a file write,
 * a cipher) that could still run when it is closed.
 */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  close(): void;
}

/**
 * Watches a descriptor from the event loop (uv_poll_t). While it watches, it and its Fd are not collected, and it keeps
 * the loop alive unless `unref` was called. `close` may be called at any time, in its own callback too.
 */
export interface Watcher {
  /** Events: 1 readable, 2 writable, 4 disconnect. 0 stops. Level-triggered. EBADF once closed. */
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

export interface InetAddress {
  /** Numeric, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface NativeAddon {
  // --- memory ---
  /** memfd_create(2) with CLOEXEC, sized (1 to 2^32-1 bytes), sealed against shrinking, growing and further sealing. */
  createMemfd(name: string, bytes: number): Fd;
  /**
   * Maps a whole memfd shared and read-write, after verifying its seals (SHRINK and GROW: else EPERM, or EINVAL when it
   * is no memfd) and that its size is `bytes` (else EINVAL). The Fd may be closed afterwards.
   */
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
   * Binds and listens at a path, CLOEXEC and NONBLOCK. The socket file has exactly `mode` (0 to 0o777) from its first
   * moment on, whatever the umask. EADDRINUSE when the file exists, whether or not anybody listens; ENAMETOOLONG past
   * 107 bytes. The file stays when the Fd is closed.
   */
  listenUnix(path: string, mode: number, backlog: number): Fd;
  /** One connection, or null when none waits. CLOEXEC and NONBLOCK. */
  acceptUnix(listener: Fd): Fd | null;
  /**
   * Connects, blocking at most `timeoutMs` (0: not at all; Infinity: for ever) while the backlog is full. CLOEXEC and
   * NONBLOCK. ETIMEDOUT.
   */
  connectUnix(path: string, timeoutMs: number): Fd;
  /** SO_PEERCRED: credentials of the process that connected or listened, at the time when it did. */
  peerCredentials(socket: Fd): UnixCredentials;
  /**
   * Binds and listens at a numeric address, CLOEXEC and NONBLOCK, with SO_REUSEADDR; an IPv6 address takes no IPv4
   * callers. Port 0: the system chooses. EADDRINUSE, EADDRNOTAVAIL; EINVAL when the host is not numeric.
   */
  listenTcp(host: string, port: number, backlog: number): Fd;
  /** As acceptUnix. */
  acceptTcp(listener: Fd): Fd | null;
  /**
   * Begins to connect to a numeric address. Once the descriptor is writable (watch it or poll it), `finishConnect` tells
   * what came of it. CLOEXEC and NONBLOCK. Never blocks.
   */
  connectTcp(host: string, port: number): Fd;
  /** SO_ERROR: throws why connecting failed. ECONNREFUSED also when the socket was connected to itself. */
  finishConnect(socket: Fd): void;
  /**
   * Sets TCP_NODELAY, and SO_KEEPALIVE with TCP_KEEPIDLE (seconds, 0: no keep-alive), TCP_KEEPINTVL (seconds) and
   * TCP_KEEPCNT. Source: tcp(7).
   */
  tuneTcp(socket: Fd, idleS: number, intervalS: number, count: number): void;
  /** shutdown(2) of the sending direction: the peer reads the end of the stream after all that was written. */
  endSocket(socket: Fd): void;
  /**
   * For how many ms no acknowledgement has come from the peer's system, when data or probes had to be sent to it again
   * since; 0 when it owes no answer. A system answers for a process that is stopped or does not read, too. Source: TCP_INFO, tcp(7).
   */
  silentMs(socket: Fd): number;
  /** getsockname(2) or, for the peer's address, getpeername(2). Of an IPv4 or IPv6 socket. */
  inetAddress(socket: Fd, peer: boolean): InetAddress;
  /** getaddrinfo(3): the numeric addresses of a name, best first; none when it cannot be resolved. Blocks the thread. */
  lookUpHost(name: string): string[];
  /** Bytes read, 0 at end of file, -1 when nothing is there now. Needs room: start < end. Any kind of descriptor. */
  read(fd: Fd, bytes: Uint8Array, start: number, end: number): number;
  /** Bytes written, -1 when the mechanism is full now. No SIGPIPE: EPIPE is thrown. Any kind of descriptor. */
  write(fd: Fd, bytes: Uint8Array, start: number, end: number): number;
  /**
   * sendmsg(2) with SCM_RIGHTS: at most 253 descriptors, as Fds or numbers, with at least one byte. Bytes written, -1
   * when full now. The descriptors stay the sender's.
   */
  sendWithFds(socket: Fd, bytes: Uint8Array, start: number, end: number, fds: readonly (Fd | number)[]): number;
  /**
   * recvmsg(2), CLOEXEC. At most `maxFds` (0 to 253) descriptors are appended to `into`; surplus ones are closed.
   * EMFILE when this process has too few descriptors left for those; the bytes are lost then. Result as `read`.
   */
  receiveWithFds(socket: Fd, bytes: Uint8Array, start: number, end: number, into: Fd[], maxFds: number): number;
  /** shutdown(2) of both directions, ignoring ENOTCONN. */
  shutdownSocket(socket: Fd): void;
  /**
   * What the peer has not read yet (SIOCOUTQ): 0 exactly when it has read everything. For Unix sockets the number is the
   * kernel's memory for it, which is more than the bytes written.
   */
  unreadBytes(socket: Fd): number;

  // --- waiting ---
  /**
   * poll(2) on 1 to 4 descriptors, blocking the thread at most `timeoutMs` (fractions count; rounded up to a nanosecond;
   * 0 or less does not block; Infinity for ever; EINTR continues with what is left). `events[i]`: 1 readable,
   * 2 writable, 4 disconnect (POLLRDHUP). Returns a bit mask of 4 bits per descriptor, the i-th shifted by 4*i:
   * 1 readable, 2 writable, 4 hung up (POLLHUP, POLLRDHUP), 8 error; the last two are reported unasked. 0 on timeout.
   * A worker that is being terminated stops blocking within 0.1 s.
   */
  poll(fds: readonly Fd[], events: readonly number[], timeoutMs: number): number;
  /**
   * A watcher on the calling environment's event loop, idle at first; `onEvents` gets the same bits as `poll`, but
   * 4 only when watched for. What it throws becomes an uncaughtException. One watcher per descriptor: EEXIST. Makes the
   * descriptor NONBLOCK. EPERM for regular files.
   */
  createWatcher(fd: Fd, onEvents: (events: number) => void): Watcher;

  // --- files ---
  /**
   * Opens a file, creating it with mode 0600 when missing, and takes an exclusive flock(2) on it, which is kept until
   * the descriptor is closed. Null when somebody else holds it. Never waits.
   */
  lockFile(path: string): Fd | null;

  // --- system ---
  /** CPUs that the calling thread may run on (sched_getaffinity(2)), at least 1. */
  availableCpus(): number;
  /** The CPU on which the calling thread runs right now (sched_getcpu(3)). No system call. */
  currentCpu(): number;
}
