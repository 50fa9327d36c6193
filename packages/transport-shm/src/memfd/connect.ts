import { Code, fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  connectSocketFile,
  connectSocketFileSync,
  type Deadline,
  type Link,
  socketPath,
  type TransportOptions,
} from '@callgate/core/transport';
import type { Fd, Mapping, NativeAddon } from '@callgate/native';
import { requireAddon } from '../addon.js';
import type { MeetingOptions, MemoryKind } from './kind.js';
import { decodeWelcome, LONGEST_WELCOME, WELCOME_BYTES, WELCOME_FDS, type Welcome } from './welcome.js';

const READABLE = 1;

/** Blocks the thread. */
export function connectSync<O extends MeetingOptions>(
  kind: MemoryKind<O>,
  address: Address,
  options: TransportOptions,
  deadline: Deadline,
): Link {
  const resolved = kind.resolve(options);
  const addon = requireAddon(kind.scheme);
  const connectUnix = (path: string, timeoutMs: number) => addon.connectUnix(path, timeoutMs);
  const socket = connectSocketFileSync(address, socketPath(address), connectUnix, deadline);
  const meeting = new Meeting(kind, addon, socket, address, resolved, deadline);
  try {
    while (!meeting.receive()) {
      if (meeting.addon.poll([meeting.socket], [READABLE], deadline - performance.now()) === 0) throw meeting.late();
    }
    return meeting.conclude();
  } catch (error) {
    meeting.leave();
    throw error;
  }
}

export async function connect<O extends MeetingOptions>(
  kind: MemoryKind<O>,
  address: Address,
  options: TransportOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const resolved = kind.resolve(options);
  const addon = requireAddon(kind.scheme);
  const connectUnix = (path: string) => addon.connectUnix(path, 0);
  const socket = await connectSocketFile(address, socketPath(address), connectUnix, deadline, signal);
  const meeting = new Meeting(kind, addon, socket, address, resolved, deadline);
  try {
    while (!meeting.receive()) {
      if (!(await readable(meeting, signal))) throw meeting.late();
    }
    return meeting.conclude();
  } catch (error) {
    meeting.leave();
    throw error;
  }
}

/** One try to connect: the socket, and what was received at it so far. */
class Meeting<O extends MeetingOptions> {
  readonly addon: NativeAddon;
  readonly socket: Fd;
  readonly deadline: Deadline;
  readonly #address: Address;
  readonly #kind: MemoryKind<O>;
  readonly #options: O;
  readonly #bytes = Buffer.alloc(LONGEST_WELCOME);
  readonly #fds: Fd[] = [];
  #received = 0;
  #welcome: Welcome | undefined;

  constructor(kind: MemoryKind<O>, addon: NativeAddon, socket: Fd, address: Address, options: O, deadline: Deadline) {
    this.#kind = kind;
    this.addon = addon;
    this.socket = socket;
    this.#address = address;
    this.#options = options;
    this.deadline = deadline;
  }

  /** Reads what is there; true when the welcome is complete. */
  receive(): boolean {
    for (;;) {
      const wanted = this.#welcome === undefined ? WELCOME_BYTES : WELCOME_BYTES + this.#welcome.textBytes;
      if (this.#received === wanted && this.#welcome !== undefined) return true;
      const count = this.#read(wanted);
      if (count === -1) return false;
      if (count === 0)
        throw this.#error('UNAVAILABLE', Reason.PEER_CLOSED, 'the server hung up before it said anything');
      this.#received += count;
      if (this.#received === WELCOME_BYTES && this.#welcome === undefined) {
        this.#welcome = decodeWelcome(this.#bytes, `cannot connect to ${this.#address.url}`);
      }
    }
  }

  conclude(): Link {
    const kind = this.#kind;
    const { status, wayBytes, textBytes } = this.#welcome!;
    if (status !== 0) {
      const text = this.#bytes.toString('utf8', WELCOME_BYTES, WELCOME_BYTES + textBytes);
      const reason = status === Code.PERMISSION_DENIED ? Reason.NOT_ALLOWED : Reason.UNREACHABLE;
      throw RpcError.fromStatus(status, text, { reason, failed: 'channel' });
    }
    const [memfd, ...surplus] = this.#fds;
    if (memfd === undefined || surplus.length > 0) {
      throw this.#broken(`it came with ${this.#fds.length} descriptors instead of ${WELCOME_FDS}`);
    }
    const impossible = kind.wayProblem(wayBytes);
    if (impossible !== undefined) throw this.#broken(impossible);
    const mapping = this.#map(memfd, kind.memoryBytes(wayBytes));
    memfd.close();
    const problem = kind.memoryProblem(mapping.buffer, wayBytes);
    if (problem !== undefined) {
      mapping.close();
      throw this.#broken(problem);
    }
    const parts = { addon: this.addon, mapping, socket: this.socket };
    return kind.link('connector', wayBytes, parts, this.#address, this.#options);
  }

  leave(): void {
    for (const fd of this.#fds) fd.close();
    this.socket.close();
  }

  late(): RpcError {
    const words = 'the deadline passed before the server answered';
    return this.#error('DEADLINE_EXCEEDED', Reason.DEADLINE, words);
  }

  #read(wanted: number): number {
    try {
      // One more than belongs there, to be noticed.
      const most = WELCOME_FDS + 1;
      return this.addon.receiveWithFds(this.socket, this.#bytes, this.#received, wanted, this.#fds, most);
    } catch (error) {
      throw fromErrno(error, `cannot connect to ${this.#address.url}`);
    }
  }

  #map(memfd: Fd, bytes: number): Mapping {
    try {
      // The addon verifies seals and size: a peer that could shrink the file could kill this process with SIGBUS.
      return this.addon.mapMemfd(memfd, bytes);
    } catch (error) {
      throw fromErrno(error, `cannot connect to ${this.#address.url}: the server's memory can't be used`);
    }
  }

  #broken(what: string): RpcError {
    return this.#error('DATA_LOSS', Reason.PROTOCOL_VIOLATION, `the server's welcome is broken: ${what}`);
  }

  #error(
    code: 'UNAVAILABLE' | 'FAILED_PRECONDITION' | 'DATA_LOSS' | 'DEADLINE_EXCEEDED',
    reason: string,
    what: string,
  ): RpcError {
    return new RpcError(code, `cannot connect to ${this.#address.url}: ${what}`, { reason, failed: 'channel' });
  }
}

/** Resolves to false when the deadline passes; rejects with the signal's reason. */
async function readable(meeting: Meeting<MeetingOptions>, signal: AbortSignal | undefined): Promise<boolean> {
  const { addon, socket, deadline } = meeting;
  const { promise, settle, fail } = settleable();
  const onAbort = (): void => fail(signal?.reason);
  const watcher = addon.createWatcher(socket, () => settle(true));
  const left = Math.min(Math.max(0, Math.ceil(deadline - performance.now())), 2 ** 31 - 1);
  const timer = deadline === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => settle(false), left);
  signal?.addEventListener('abort', onAbort);
  watcher.watch(READABLE);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    watcher.close();
  }
}

function settleable() {
  let settle!: (came: boolean) => void;
  let fail!: (reason: unknown) => void;
  const promise = new Promise<boolean>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  return { promise, settle, fail };
}
