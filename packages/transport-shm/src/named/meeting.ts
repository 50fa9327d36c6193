/** The connecting side: asks at the place for a link, in memory of its own making. */
import { setTimeout } from 'node:timers/promises';
import { Code, fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  type Deadline,
  initialiseSegment,
  type Link,
  MAX_RING_BYTES,
  MIN_RING_BYTES,
  RingLink,
  type Segment,
  segmentBytes,
  segmentOver,
} from '@callgate/core/transport';
import type { Bell, Fd, NativeAddon } from '@callgate/native';
import { NamedDoorbell } from './doorbell.js';
import {
  ACCEPTED,
  ASKED,
  CLIENT_START,
  CLOSED,
  FREE,
  LONGEST_TEXT,
  MEMORY,
  MODE,
  OWNER,
  placeProblem,
  REFUSED,
  RING_BYTES,
  SERVER_PID,
  SERVER_START,
  SLOTS,
  STATE,
  STATUS,
  slotAt,
  TAKEN,
  TEXT_AT,
  TEXT_BYTES,
} from './layout.js';
import type { LinkMemory, Mechanism, Place } from './mechanism.js';
import type { ResolvedNamedOptions } from './options.js';
import { readStart, watchedProcess, writeStart } from './process.js';

/** How long, in ms, to wait for a free slot before looking again, and for a server that has begun to answer. */
const RETRY_MS = 1;
const ANSWER_MS = 100;

const rest = new Int32Array(new SharedArrayBuffer(4));

/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Blocks the thread. */
export function connectSync(
  mechanism: Mechanism,
  addon: NativeAddon,
  address: Address,
  options: ResolvedNamedOptions,
  deadline: Deadline,
): Link {
  const meeting = new Meeting(mechanism, addon, address, options, deadline);
  try {
    while (!meeting.takeSlot()) Atomics.wait(rest, 0, 0, RETRY_MS);
    meeting.ask();
    while (!meeting.answered()) meeting.doorbell.wait(deadline);
    return meeting.conclude();
  } catch (error) {
    throw meeting.leave(error);
  }
}

export async function connect(
  mechanism: Mechanism,
  addon: NativeAddon,
  address: Address,
  options: ResolvedNamedOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  signal?.throwIfAborted();
  const meeting = new Meeting(mechanism, addon, address, options, deadline);
  try {
    while (!meeting.takeSlot()) await setTimeout(RETRY_MS, undefined, { signal });
    meeting.ask();
    await meeting.whenAnswered(signal);
    return meeting.conclude();
  } catch (error) {
    throw meeting.leave(signal?.aborted ? signal.reason : error);
  }
}

class Meeting {
  readonly #mechanism: Mechanism;
  readonly #addon: NativeAddon;
  readonly #address: Address;
  readonly #options: ResolvedNamedOptions;
  readonly #deadline: Deadline;
  readonly #name: string;
  readonly #place: Place;
  readonly #words: Int32Array;
  #door: Bell | undefined;
  #server: Fd | null = null;
  #memory: LinkMemory | undefined;
  #segment: Segment | undefined;
  #doorbell: NamedDoorbell | undefined;
  /** Index of the slot's first word; -1 for none. */
  #slot = -1;

  constructor(
    mechanism: Mechanism,
    addon: NativeAddon,
    address: Address,
    options: ResolvedNamedOptions,
    deadline: Deadline,
  ) {
    this.#mechanism = mechanism;
    this.#addon = addon;
    this.#address = address;
    this.#options = options;
    this.#deadline = deadline;
    this.#name = mechanism.placeName(address.path, address.url);
    try {
      this.#place = mechanism.findPlace(addon, this.#name, options);
    } catch (error) {
      throw fromErrno(error, `cannot connect to ${address.url}`);
    }
    const { buffer } = this.#place.mapping;
    this.#words = new Int32Array(buffer);
    if (this.#words[0] === 0) {
      this.#place.close();
      throw this.#unreachable('the server there has not begun yet');
    }
    const problem = placeProblem(buffer, this.#name);
    if (problem !== undefined) {
      this.#place.close();
      throw this.#broken(problem);
    }
  }

  get doorbell(): NamedDoorbell {
    return this.#doorbell!;
  }

  /** False when all are taken. Throws at the deadline. */
  takeSlot(): boolean {
    this.#lookAtClock();
    this.#lookAtServer();
    for (let slot = 0; slot < this.#words[SLOTS]!; slot++) {
      const at = slotAt(slot);
      if (Atomics.compareExchange(this.#words, at + OWNER, 0, process.pid) !== 0) continue;
      writeStart(this.#words, at + CLIENT_START);
      this.#slot = at;
      return true;
    }
    // Some of them may be dead clients', which the server gives back when it is rung for.
    this.#ringDoor();
    return false;
  }

  /** Makes the memory, and asks. */
  ask(): void {
    const words = this.#words;
    const ringBytes = words[RING_BYTES]!;
    if (ringBytes < MIN_RING_BYTES || ringBytes > MAX_RING_BYTES || !Number.isInteger(Math.log2(ringBytes))) {
      throw this.#broken(`rings of ${ringBytes} bytes are impossible`);
    }
    this.#server = watchedProcess(this.#addon, words[SERVER_PID]!, readStart(words, SERVER_START));
    const memory = this.#mechanism.makeMemory(this.#addon, this.#name, segmentBytes(ringBytes), words[MODE]! & 0o777);
    this.#memory = memory;
    [words[this.#slot + MEMORY], words[this.#slot + MEMORY + 1]] = memory.reference;
    this.#segment = segmentOver(memory.mapping.buffer, ringBytes);
    initialiseSegment(this.#segment);
    this.#doorbell = new NamedDoorbell(this.#addon, memory, this.#segment, 0, this.#server);
    Atomics.store(words, this.#slot + STATE, ASKED);
    this.#ringDoor();
  }

  /** Throws when there will be no answer. */
  answered(): boolean {
    const state = Atomics.load(this.#words, this.#slot + STATE);
    if (state === ACCEPTED || state === REFUSED) return true;
    this.#lookAtClock();
    this.#lookAtServer();
    if (!this.#doorbell?.hungUp(true)) return false;
    // Who refuses hangs up right after it has said so.
    const last = Atomics.load(this.#words, this.#slot + STATE);
    if (last === ACCEPTED || last === REFUSED) return true;
    throw this.#unreachable('the server died before it answered');
  }

  whenAnswered(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const { doorbell } = this;
      let timer: NodeJS.Timeout | undefined;
      let over = false;
      // Timers keep time by whole milliseconds, and may fire a moment before the deadline: then there is another.
      const arm = (): void => {
        const left = Math.ceil(this.#deadline - performance.now());
        timer = globalThis.setTimeout(
          () => {
            look();
            if (!over) arm();
          },
          Math.min(Math.max(1, left), LONGEST_TIMER_MS),
        );
      };
      const done = (): void => {
        over = true;
        clearTimeout(timer);
        doorbell.unref();
        signal?.removeEventListener('abort', look);
      };
      const look = (): void => {
        try {
          signal?.throwIfAborted();
          if (!this.answered()) return;
          done();
          resolve();
        } catch (error) {
          done();
          reject(error);
        }
      };
      doorbell.listen(look);
      doorbell.ref();
      signal?.addEventListener('abort', look);
      arm();
      look();
    });
  }

  conclude(): Link {
    const words = this.#words;
    if (Atomics.load(words, this.#slot + STATE) === REFUSED) throw this.#refusal();
    const { pidIsTold: _, ...credentials } = this.#place.maker(words[SERVER_PID]!);
    this.#letGo();
    this.#memory!.unlink();
    return new RingLink({
      segment: this.#segment!,
      side: 'connector',
      doorbell: this.doorbell,
      peer: { address: this.#address.url, credentials },
      maxMessageBytes: this.#options.maxMessageBytes,
      strategy: this.#options.strategy,
      processors: this.#addon.availableCpus(),
    });
  }

  /** Gives everything back. Returns the error to throw. */
  leave(error: unknown): unknown {
    if (this.#slot !== -1) this.#withdraw();
    this.#letGo();
    if (this.#doorbell !== undefined) {
      this.#doorbell.close();
    } else if (this.#memory !== undefined) {
      this.#memory.unlink();
      this.#memory.removeSemaphores();
      this.#memory.mapping.close();
      this.#memory.close();
    }
    this.#server?.close();
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === 'ESRCH') return this.#unreachable('the server there has died', error);
    return typeof code === 'string' && !RpcError.is(error) && (error as NodeJS.ErrnoException).syscall !== undefined
      ? fromErrno(error, `cannot connect to ${this.#address.url}`)
      : error;
  }

  /** A server that is about to answer needs the slot for a moment more. */
  #withdraw(): void {
    const at = this.#slot + STATE;
    Atomics.compareExchange(this.#words, at, ASKED, FREE);
    const until = performance.now() + ANSWER_MS;
    while (Atomics.load(this.#words, at) === TAKEN && performance.now() < until) Atomics.wait(rest, 0, 0, RETRY_MS);
    // One that was stopped in the middle will find that nobody is there any more, and give the slot back itself.
    if (Atomics.load(this.#words, at) === TAKEN) this.#slot = -1;
  }

  /** Leaves the place, and the slot to others. */
  #letGo(): void {
    if (this.#slot !== -1) {
      this.#words[this.#slot + CLIENT_START] = 0;
      this.#words[this.#slot + CLIENT_START + 1] = 0;
      Atomics.store(this.#words, this.#slot + STATE, FREE);
      Atomics.compareExchange(this.#words, this.#slot + OWNER, process.pid, 0);
      this.#slot = -1;
    }
    this.#door?.close();
    this.#place.close();
  }

  #ringDoor(): void {
    this.#door ??= this.#place.bell(0);
    this.#door.ring();
  }

  #refusal(): RpcError {
    const status = this.#words[this.#slot + STATUS]!;
    const length = Math.min(LONGEST_TEXT, Math.max(0, this.#words[this.#slot + TEXT_BYTES]!));
    const text = Buffer.from(this.#place.mapping.buffer, 4 * this.#slot + TEXT_AT, length).toString();
    const reason = status === Code.PERMISSION_DENIED ? Reason.NOT_ALLOWED : Reason.UNREACHABLE;
    return RpcError.fromStatus(status, text, { reason, failed: 'channel' });
  }

  #lookAtClock(): void {
    if (performance.now() < this.#deadline) return;
    throw new RpcError(
      'DEADLINE_EXCEEDED',
      `cannot connect to ${this.#address.url}: the deadline passed before the server answered`,
      { reason: Reason.DEADLINE, failed: 'channel' },
    );
  }

  #lookAtServer(): void {
    if (Atomics.load(this.#words, CLOSED) !== 0) throw this.#unreachable('the server there has just stopped listening');
  }

  #unreachable(why: string, cause?: unknown): RpcError {
    return new RpcError('UNAVAILABLE', `cannot connect to ${this.#address.url}: ${why}`, {
      reason: Reason.UNREACHABLE,
      failed: 'channel',
      cause,
    });
  }

  #broken(why: string): RpcError {
    return new RpcError('DATA_LOSS', `cannot connect to ${this.#address.url}: ${why}`, {
      reason: Reason.PROTOCOL_VIOLATION,
      failed: 'channel',
    });
  }
}
