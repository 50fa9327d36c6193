/**
 * The whole native addon, declared. Mechanism only. Everything here throws an Error shaped as Node's own system errors,
 * with `code` (such as 'ECONNREFUSED'), `errno` (its number, negative) and `syscall`, unless a value is documented for
 * the case; a TypeError for an argument of the wrong type; a RangeError for one out of range. A closed Fd gives EBADF
 * and no system call. Handles belong to the thread that made them, have an idempotent `close`, are closed when their
 * environment (main thread or worker) ends, and when they are collected. All descriptors are CLOEXEC; a call that a
 * signal interrupts goes on.
 */
import type { SharedAddon } from './addon-shared.js';

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

/** A System V message queue, by its number. It outlives this handle, unless it was got as `owned`. */
export interface MessageQueueHandle {
  /** Idempotent. Removes the queue, with what is in it, if it is owned. */
  close(): void;
}

/** What the kernel knows of a queue. Source: msgctl(2). */
export interface MessageQueueStatus {
  /** Messages in it. */
  readonly messages: number;
  /** Bytes in it, and how many it takes: a message of no bytes needs room, too, so that neither may be over. */
  readonly bytes: number;
  readonly capacityBytes: number;
  /** Processes that last sent and received; 0 for none. */
  readonly lastSender: number;
  readonly lastReceiver: number;
  readonly uid: number;
  readonly gid: number;
  readonly creatorUid: number;
  readonly creatorGid: number;
  readonly mode: number;
  readonly key: number;
}

/**
 * A thread that blocks in msgrcv(2) or msgsnd(2) in place of this one, one message at a time. `onDone`, which it was made
 * with, is called on the event loop when the message has been received, or sent; `fetch` tells with what result. While
 * it works, it is not collected; it keeps the event loop alive only between `ref` and `unref`.
 */
export interface MessageThread {
  /** Begins to wait for a message of at most `bytes`; what is longer is cut. Types as in `receiveMessage`. EBUSY. */
  receive(queue: MessageQueueHandle, type: number, bytes: number): void;
  /** Begins to send a copy of `bytes[start, end)`. EBUSY. */
  send(queue: MessageQueueHandle, type: number, bytes: Uint8Array, start: number, end: number): void;
  /** Blocks this thread until it is done (true), or for so many ms (false). */
  wait(timeoutMs: number): boolean;
  /** The result, once: as `receiveMessage`, or 0 when it was to send; -1 when it is not done. Throws what it failed with. */
  fetch(bytes: Uint8Array, start: number, end: number): number;
  /** Stops it. True when it came through before that: there is something to fetch. */
  cancel(): boolean;
  ref(): void;
  unref(): void;
  /** Idempotent. What was received and not fetched is sent to its queue again. */
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

export interface NativeAddon extends SharedAddon {
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
   * TCP_KEEPCNT. With `bufferBytes` above 0 also SO_SNDBUF and SO_RCVBUF, of which Linux makes twice as much for its
   * own needs. Source: tcp(7), socket(7).
   */
  tuneTcp(socket: Fd, idleS: number, intervalS: number, count: number, bufferBytes?: number): void;
  /** shutdown(2) of the sending direction: the peer reads the end of the stream after all that was written. */
  endSocket(socket: Fd): void;
  /**
   * For how many ms no acknowledgement has come from the peer's system, when data or probes had to be sent to it again
   * since; 0 when it owes no answer. A system answers for a process that is stopped or does not read, too. Source: TCP_INFO, tcp(7).
   */
  silentMs(socket: Fd): number;
  /** getsockname(2) or, for the peer's address, getpeername(2). Of an IPv4 or IPv6 socket. */
  inetAddress(socket: Fd, peer: boolean): InetAddress;
  /**
   * getaddrinfo(3): the numeric addresses of a name, best first; none when it cannot be resolved, and null when that
   * is not known after `timeoutMs` (Infinity allowed). Blocks the thread.
   */
  lookUpHost(name: string, timeoutMs: number): string[] | null;
  /**
   * Bytes read, 0 at end of file, -1 when nothing is there now. Needs room: start < end. Any kind of descriptor. With
   * `timeoutMs`, as of `poll`, blocks the thread so long for something to come: -1 when it did not. A TCP
   * socket or a pipe waits in the read itself; its O_NONBLOCK is cleared for that, and what shall not block here still
   * does not.
   */
  read(fd: Fd, bytes: Uint8Array, start: number, end: number, timeoutMs?: number): number;
  /** Bytes written, -1 when the mechanism is full now. No SIGPIPE: EPIPE is thrown. Any kind of descriptor. */
  write(fd: Fd, bytes: Uint8Array, start: number, end: number): number;
  /**
   * sendmsg(2) with SCM_RIGHTS: at most 253 descriptors, as Fds or numbers, with at least one byte. Bytes written, -1
   * when full now. The descriptors stay the sender's.
   */
  sendWithFds(socket: Fd, bytes: Uint8Array, start: number, end: number, fds: readonly (Fd | number)[]): number;
  /**
   * recvmsg(2), CLOEXEC. At most `maxFds` (0 to 253) descriptors are appended to `into`; surplus ones are closed.
   * EMFILE when this process has too few descriptors left for those; the bytes are lost then. Result and
   * `timeoutMs` as of `read`.
   */
  receiveWithFds(
    socket: Fd,
    bytes: Uint8Array,
    start: number,
    end: number,
    into: Fd[],
    maxFds: number,
    timeoutMs?: number,
  ): number;
  /** shutdown(2) of both directions, ignoring ENOTCONN. */
  shutdownSocket(socket: Fd): void;
  /**
   * What the peer has not read yet (SIOCOUTQ): 0 exactly when it has read everything. For Unix sockets the number is the
   * kernel's memory for it, which is more than the bytes written.
   */
  unreadBytes(socket: Fd): number;

  // --- datagrams ---
  /**
   * A UDP socket at a numeric address, CLOEXEC and NONBLOCK, which hears everybody; an IPv6 address takes no IPv4
   * datagrams. Port 0: the system chooses. EADDRINUSE, EADDRNOTAVAIL; EINVAL when the host is not numeric. `beside`:
   * sockets that `forkUdp` made for an earlier listener may still be there; another listener never.
   */
  bindUdp(host: string, port: number, beside: boolean): Fd;
  /**
   * A UDP socket that sends to a numeric address and hears nobody else. When nobody is there, a later `read`, `write` or
   * `poll` may tell (ECONNREFUSED). `read` cuts off what has no room.
   */
  connectUdp(host: string, port: number): Fd;
  /** A UDP socket at the address at which a listener's datagram arrived, connected to who sent it. */
  forkUdp(listener: Fd, origin: Uint8Array): Fd;
  /**
   * recvmsg(2): the datagram's own length, of which as much as fits was written; -1 when none is there. `origin`, a
   * Uint8Array of 56 bytes, gets the addresses between which it travelled, for `sendTo` and `forkUdp`; equal bytes mean
   * equal addresses.
   */
  receiveFrom(socket: Fd, bytes: Uint8Array, start: number, end: number, origin: Uint8Array): number;
  /** sendmsg(2): answers the sender of what came with `origin`, from the address at which it came. -1 when full now. */
  sendTo(socket: Fd, bytes: Uint8Array, start: number, end: number, origin: Uint8Array): number;

  // --- pipes (pipe.cc) ---
  /** pipe2(2): the end to read from and the end to write to, CLOEXEC and NONBLOCK. Each end has flags of its own. */
  createPipe(): [reading: Fd, writing: Fd];
  /** mkfifo(3), with exactly `mode` (0 to 0o777) whatever the umask. EEXIST when anything is there. */
  makeFifo(path: string, mode: number): void;
  /**
   * Opens a fifo, CLOEXEC and NONBLOCK, without waiting for anybody. `access`: 0 to read, 1 to write, 2 both (which
   * keeps it from ever being at its end). ENXIO: to write, and nobody has it open to read. EINVAL: not a fifo, and
   * nothing was opened. A symbolic link at the end of the path is not followed (EINVAL). Source: fifo(7).
   */
  openFifo(path: string, access: 0 | 1 | 2): Fd;
  /** Another descriptor, CLOEXEC, for what is open under a number that this process was started with. Flags are shared. */
  adoptFd(number: number): Fd;
  /**
   * Opens the pipe or fifo behind a number anew, by way of /proc: CLOEXEC and NONBLOCK, and, unlike with `adoptFd`,
   * whoever else has the old one open is not affected by these flags. ENXIO for sockets; EACCES when it belongs to
   * another user. Source: proc_pid_fd(5).
   */
  reopenFd(number: number, access: 0 | 1): Fd;
  /** dup2(2): what `from` means, `to` means from now on. For the numbers 0 to 2, which no Fd owns. */
  redirectFd(from: number, to: number): void;
  /** Sets or clears O_NONBLOCK, for all who share the open file; returns what it was. */
  setNonBlocking(fd: Fd, on: boolean): boolean;
  /** FIONREAD: bytes that wait in a pipe, a fifo or a socket, to be read. Of a pipe, either end tells. */
  waitingBytes(fd: Fd): number;

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

  // --- message queues ---
  // Texts need 8 bytes in front of them, which the kernel's type goes into (a little-endian 64-bit integer): nothing is
  // copied on the way. Types are 1 to 2^53-1. EIDRM: the queue was removed. EACCES: its mode does not permit this.
  /**
   * msgget(2): the queue of a key (0: a new one without). `how`: 0 it must exist (ENOENT), 1 it is made when missing,
   * 2 it is made (EEXIST). `owned`: 1 removes it when the handle is closed. ENOSPC: kernel.msgmni is reached.
   */
  getMessageQueue(key: number, how: 0 | 1 | 2, mode: number, owned: 0 | 1): MessageQueueHandle;
  /** The queue with a number that somebody told; whether there is one shows when it is used. */
  attachMessageQueue(id: number): MessageQueueHandle;
  /** The queue's number (msqid), which other processes can attach to. */
  messageQueueId(queue: MessageQueueHandle): number;
  /**
   * msgsnd(2). False when there was no room for `timeoutMs` (0: does not wait; Infinity; else it looks again and again,
   * with pauses up to 4 ms, blocking the thread). EMSGSIZE: over kernel.msgmax.
   */
  sendMessage(
    queue: MessageQueueHandle,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeoutMs: number,
  ): boolean;
  /**
   * msgrcv(2): the length received, or -1 when there is no message. `type`: 0 any, n just that, -n the lowest up to n.
   * Never sleeps, but looks for `spinUs` (at most 10^6), and lets others run in between. What is longer than the room is cut.
   */
  receiveMessage(
    queue: MessageQueueHandle,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    spinUs: number,
  ): number;
  /**
   * Blocks in msgrcv(2) for any message: the length, -1 when there was none for `timeoutMs`, -2 when a descriptor named
   * by `watchWhileAwaiting` has become readable. Only for a queue from which nobody else receives: the wait is ended by
   * a message that a thread of this process sends to it, of type 2^63-1, which `receiveMessage` may come across later.
   */
  awaitMessage(queue: MessageQueueHandle, bytes: Uint8Array, start: number, end: number, timeoutMs: number): number;
  /** The descriptors, at most 8, that end `awaitMessage`, in place of those before. They stay the caller's. */
  watchWhileAwaiting(queue: MessageQueueHandle, ...fds: readonly Fd[]): void;
  /** msgctl(2), IPC_STAT. */
  messageQueueStatus(queue: MessageQueueHandle): MessageQueueStatus;
  /** msgctl(2), IPC_SET: how many bytes it takes. EPERM: more than kernel.msgmnb, or somebody else's. */
  setMessageQueueCapacity(queue: MessageQueueHandle, bytes: number): void;
  /** msgctl(2), IPC_RMID: at once, whoever uses it. False when it was gone already. */
  removeMessageQueue(queue: MessageQueueHandle): boolean;
  createMessageThread(onDone: () => void): MessageThread;
  /**
   * pidfd_open(2): a thread of process `pid`, readable once it has ended. ESRCH. The first thread (tid = pid) stands for
   * the process; others can be opened from Linux 6.9 on, EINVAL before.
   */
  openThread(pid: number, tid: number): Fd;
  // --- signals ---
  /**
   * Takes signals for this process, all threads of it, and gives a signalfd(2) of them: NONBLOCK, readable (`poll`,
   * `createWatcher`) while one waits, and `read` (a multiple of 128 bytes) gives them as struct signalfd_siginfo. They
   * are blocked in every thread, those that are made later included, so the kernel keeps them until they are read.
   * Real-time signals, SIGHUP, SIGUSR2, SIGURG and SIGWINCH can be taken: RangeError for others. EBUSY when this process
   * receives the signal already or has a handler for it; ETIMEDOUT when one of its threads does not answer.
   *
   * `close` drops those that wait, and puts masks and dispositions back. With a `guard`, a file whose flock(2) the caller
   * holds, that lock is let go first, while no `sendSignal` is between its look at the guard and its sending: a signal
   * that came after would have the default action, which ends the process. Blocks for some microseconds per thread.
   */
  takeSignals(numbers: readonly number[], guard?: Fd): Fd;
  /** SIGRTMIN and SIGRTMAX, the first and the last signal that queues, as the C library has them. Source: signal(7). */
  realTimeSignals(): { readonly first: number; readonly last: number };
  /** pidfd_open(2): names a process for good, whoever gets its pid later; readable once it has ended. ESRCH. */
  openProcess(pid: number): Fd;
  /** Opens an existing file for reading, for `isGuardHeld` and `sendSignal`. Never waits. ELOOP for a symbolic link. */
  openGuard(path: string): Fd;
  /** Whether somebody holds the exclusive flock(2) of a file. */
  isGuardHeld(guard: Fd): boolean;
  /**
   * pidfd_send_signal(2): true when the kernel has taken it, false when no more can wait there now (RLIMIT_SIGPENDING).
   * With a `value` (32 bits, signed or not) as sigqueue(3) sends it, without one as kill(2) does. Signal 0 only looks.
   * With a `guard`, sends only while its lock is held: EOWNERDEAD otherwise. ESRCH when the process has ended, EPERM when
   * it may not be sent signals.
   */
  sendSignal(process: Fd, guard: Fd | undefined, signal: number, value?: number): boolean;

  // --- system ---
  /** CPUs that the calling thread may run on (sched_getaffinity(2)), at least 1. */
  availableCpus(): number;
  /** The CPU on which the calling thread runs right now (sched_getcpu(3)). No system call. */
  currentCpu(): number;
  /**
   * Moves the calling thread to another of its processors at once, by forbidding it this one for a moment
   * (sched_setaffinity(2)). False when it has no other. Where the thread may run is afterwards as it was.
   */
  leaveCpu(): boolean;
}
