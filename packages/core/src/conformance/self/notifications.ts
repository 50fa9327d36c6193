import { Reason, RpcError } from '../../errors/index.js';
import type {
  Address,
  Capabilities,
  Deadline,
  Handle,
  Link,
  LinkEnd,
  Peer,
  Span,
  Transport,
} from '../../transport/contract.js';
import { abortedHere, closedHere, misuse, tooLarge } from '../../transport/ends.js';
import { NO_HANDLES } from '../../transport/handle.js';
import {
  NOTIFICATION_BYTES,
  type Notification,
  type NotificationLink,
  PLACE_AT,
  VALUE_AT,
} from '../../transport/notification.js';
import { optionProblems, refuseBadOptions } from '../../transport/options.js';
import { Waiter } from '../../transport/waiter.js';

/** Ways in which the reference of notifications can be made wrong, each of which its suite must notice. */
export type NotificationFault =
  | 'loses a value'
  | 'reorders'
  | 'doubles'
  | 'merges what has a value'
  | 'never merges'
  | 'drops what merges'
  | 'takes any place'
  | 'sends the wrong way'
  | 'ignores hold'
  | 'forgets what was held'
  | 'takes sent for taken'
  | 'hides who sent'
  | 'sends to nobody'
  | 'ends all with one sender'
  | 'shares its address'
  | 'keeps its address'
  | 'claims more than it can'
  | 'listens for nothing';

export const referenceCapabilities: Capabilities = {
  directions: ['send'],
  delivery: 'coalesced',
  maxMessageBytes: NOTIFICATION_BYTES,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: false,
  credentials: false,
  damages: false,
  addressing: 'direct',
  greeting: 'none',
  confirms: true,
};

interface Waiting {
  place: number;
  value: number;
}

/** Where the notifications of one listener wait. Both ends are on one thread. */
interface Box {
  readonly notifications: readonly Notification[];
  readonly merging: boolean;
  readonly faults: ReadonlySet<NotificationFault>;
  readonly waiting: Waiting[];
  open: boolean;
  onHold: boolean;
  onArrival: () => void;
  readonly senders: Set<MemoryEnd>;
}

/** The shortest transport of notifications there is: the queue is an array. Its option `merging` merges the first one. */
export function notificationTransport(faults: ReadonlySet<NotificationFault>): Transport {
  const boxes = new Map<string, Box>();
  const capabilities = faults.has('claims more than it can')
    ? { ...referenceCapabilities, credentials: true }
    : referenceCapabilities;
  const checks = {
    merging: (value: unknown) => (typeof value === 'boolean' ? undefined : 'true or false'),
    maxMessageBytes: (value: unknown) => (Number(value) > 0 ? undefined : 'a positive number'),
  };
  const connect = (address: Address): Link => {
    const box = boxes.get(address.path);
    if (box === undefined) throw unreachable(address, 'nobody listens');
    return new MemoryEnd(box, address.url, 'send');
  };
  return {
    scheme: 'note',
    capabilities,
    validateOptions: (options) => optionProblems(options, checks),
    async connect(address, _options, _deadline, signal) {
      signal?.throwIfAborted();
      return connect(address);
    },
    connectSync() {
      throw misuse('the receiver is on this thread');
    },
    async listen(address, options, onLink, _onError, notifications = []) {
      refuseBadOptions('note', optionProblems(options, checks));
      if (notifications.length === 0 && !faults.has('listens for nothing')) throw misuse('nothing to listen for');
      if (boxes.has(address.path) && !faults.has('shares its address')) {
        throw new RpcError('ALREADY_EXISTS', 'in use', { reason: Reason.ADDRESS_IN_USE });
      }
      const merging = options.merging === true;
      const box: Box = {
        ...{ notifications, merging, faults, waiting: [], open: true, onHold: false, senders: new Set() },
        onArrival: () => undefined,
      };
      boxes.set(address.path, box);
      const link = new MemoryEnd(box, address.url, 'receive');
      onLink(link);
      return {
        url: address.url,
        close: async () => {
          if (boxes.get(address.path) === box && !faults.has('keeps its address')) boxes.delete(address.path);
        },
        ref: () => undefined,
        unref: () => undefined,
        hold: () => {
          box.onHold = !faults.has('ignores hold');
        },
        release: () => {
          box.onHold = false;
          if (faults.has('forgets what was held')) box.waiting.length = 0;
          box.onArrival();
        },
      };
    },
  };
}

class MemoryEnd implements NotificationLink {
  readonly direction: 'send' | 'receive';
  readonly maxMessageBytes = NOTIFICATION_BYTES;
  readonly notifications: readonly Notification[];
  readonly peer: Peer;
  readonly closed: Promise<LinkEnd>;
  readonly #box: Box;
  readonly #readable = new Waiter(() => undefined);
  readonly #span: Span;
  #settle!: (end: LinkEnd) => void;
  end: LinkEnd | undefined;

  constructor(box: Box, url: string, direction: 'send' | 'receive') {
    this.#box = box;
    this.direction = direction;
    this.notifications = box.notifications;
    const credentials = { pid: process.pid, uid: process.getuid?.() ?? 0, claimed: true };
    this.peer = box.faults.has('hides who sent') ? { address: url } : { address: url, credentials };
    const bytes = Buffer.alloc(NOTIFICATION_BYTES);
    this.#span = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset), start: 0, end: NOTIFICATION_BYTES };
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (direction === 'send') box.senders.add(this);
    else box.onArrival = () => this.pollReadable() && this.#readable.settle(true);
  }

  get ended(): boolean {
    return this.end !== undefined;
  }

  claim(bytes: number): Span | null {
    const { faults, open } = this.#box;
    if (this.end === undefined && this.direction === 'send' && !open && !faults.has('sends to nobody')) {
      this.#finish({ by: 'peer', orderly: true, error: new RpcError('UNAVAILABLE', 'the receiver has closed') });
    }
    if (this.end !== undefined) throw this.end.error;
    if (this.direction === 'receive' && !faults.has('sends the wrong way')) {
      throw new RpcError('FAILED_PRECONDITION', 'this end only receives (capability directions)');
    }
    if (bytes > NOTIFICATION_BYTES) throw tooLarge(bytes, NOTIFICATION_BYTES);
    return this.#span;
  }

  commit(length: number): void {
    const { faults, waiting, merging, notifications } = this.#box;
    const place = this.#span.view.getUint32(PLACE_AT, true);
    const one = { place, value: faults.has('loses a value') ? 0 : this.#span.view.getUint32(VALUE_AT, true) };
    if (!faults.has('takes any place') && (length !== NOTIFICATION_BYTES || place >= notifications.length)) {
      throw new RpcError('INVALID_ARGUMENT', 'no notification');
    }
    const equal = waiting.some((other) => other.place === one.place && other.value === one.value);
    const merges = (merging && place === 0 && !faults.has('never merges')) || faults.has('merges what has a value');
    if (merges && (equal || faults.has('drops what merges'))) return;
    if (faults.has('reorders') && waiting.length % 50 === 49) waiting.unshift(one);
    else waiting.push(one);
    if (faults.has('doubles') && waiting.length % 50 === 1) waiting.push({ ...one });
    this.#box.onArrival();
  }

  abandon(): void {}
  flush(): void {}

  receive(): Span | null {
    const one = this.pollReadable() && this.end === undefined ? this.#box.waiting.shift() : undefined;
    if (one === undefined) return null;
    this.#span.view.setUint32(PLACE_AT, one.place, true);
    this.#span.view.setUint32(VALUE_AT, one.value, true);
    return this.#span;
  }

  release(): void {}

  takeHandles(): readonly Handle[] {
    return NO_HANDLES;
  }

  pollReadable(): boolean {
    return this.ended || (this.direction === 'receive' && !this.#box.onHold && this.#box.waiting.length > 0);
  }

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (this.pollReadable()) return Promise.resolve(true);
    return this.#readable.start(deadline, signal);
  }

  whenWritable(): Promise<boolean> {
    return Promise.resolve(true);
  }

  waitReadable(): boolean {
    return this.pollReadable();
  }

  waitWritable(): boolean {
    return true;
  }

  waitTaken(deadline: Deadline): boolean {
    if (this.#box.waiting.length === 0 || this.#box.faults.has('takes sent for taken')) return true;
    const left = Math.max(0, deadline - performance.now());
    // Nobody takes anything while this thread blocks.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left);
    return false;
  }

  ref(): void {}
  unref(): void {}

  async close(): Promise<void> {
    this.closeSync();
  }

  closeSync(): void {
    this.#finish({ by: 'local', orderly: true, error: closedHere() });
  }

  abort(error?: RpcError): void {
    this.#finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  #finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    if (this.direction === 'receive') this.#box.open = false;
    if (this.#box.faults.has('ends all with one sender')) for (const other of this.#box.senders) other.abort();
    if (this.#box.faults.has('ends all with one sender')) this.#box.waiting.length = 0;
    this.#readable.settle(true);
    this.#settle(end);
  }
}

function unreachable({ url }: Address, why: string): RpcError {
  return new RpcError('UNAVAILABLE', `${url}: ${why}`, { reason: Reason.UNREACHABLE });
}

/** What the suite loads: with the faults that the module's URL names. */
export const transport = notificationTransport(
  new Set(new URL(import.meta.url).searchParams.getAll('fault') as NotificationFault[]),
);
