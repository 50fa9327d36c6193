import { Reason, RpcError } from '@callgate/core/errors';
import {
  abortedHere,
  type Credentials,
  closedHere,
  type Deadline,
  type Handle,
  type LinkEnd,
  misuse,
  NO_HANDLES,
  NOTIFICATION_BYTES,
  type NotificationLink,
  type Peer,
  PLACE_AT,
  type Span,
  VALUE_AT,
  Waiter,
} from '@callgate/core/transport';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';
import type { AnnouncedSignal } from './announcement.js';
import * as siginfo from './siginfo.js';

const READABLE = 1;
/** Signals read at once. */
const BATCH = 16;

/** The receiving end: whatever anybody sends by its signals. Owns the signalfd. */
export class ReceiveLink implements NotificationLink {
  readonly direction = 'receive';
  readonly maxMessageBytes = NOTIFICATION_BYTES;
  readonly notifications: readonly AnnouncedSignal[];
  readonly closed: Promise<LinkEnd>;
  readonly #addon: NativeAddon;
  readonly #signals: Fd;
  readonly #url: string;
  readonly #onClosed: () => void;
  readonly #watcher: Watcher;
  readonly #readable = new Waiter(() => this.#keepAlive());
  /** Place of each signal in `notifications`. */
  readonly #places = new Map<number, number>();
  readonly #batch = Buffer.alloc(BATCH * siginfo.BYTES);
  #batchAt = 0;
  #batchEnd = 0;
  readonly #span: Span;
  #peer: Peer;
  #settleClosed!: (end: LinkEnd) => void;
  #end: LinkEnd | undefined;
  #onHold = false;
  #alive = true;

  constructor(
    addon: NativeAddon,
    signals: Fd,
    announced: readonly AnnouncedSignal[],
    url: string,
    onClosed: () => void,
  ) {
    this.#addon = addon;
    this.#signals = signals;
    this.#url = url;
    this.#onClosed = onClosed;
    this.notifications = announced;
    for (const [place, { signal }] of announced.entries()) this.#places.set(signal, place);
    const bytes = Buffer.alloc(NOTIFICATION_BYTES);
    this.#span = {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      start: 0,
      end: bytes.length,
    };
    this.#peer = { address: url };
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#watcher = addon.createWatcher(signals, () => {
      this.#watcher.watch(0);
      this.#readable.settle(true);
    });
  }

  /** Who sent the message that was received last. */
  get peer(): Peer {
    return this.#peer;
  }

  get end(): LinkEnd | undefined {
    return this.#end;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** While on hold, nothing is received: what is sent waits in the kernel. */
  hold(on: boolean): void {
    if (this.#end !== undefined || on === this.#onHold) return;
    this.#onHold = on;
    if (!this.#readable.waiting) return;
    if (on) this.#watcher.watch(0);
    else if (this.#fill()) this.#readable.settle(true);
    else this.#watcher.watch(READABLE);
  }

  // --- receiving ---

  receive(): Span | null {
    if (this.#end !== undefined || !this.#fill()) return null;
    const { view } = this.#span;
    const at = this.#batchAt;
    const batch = this.#batch;
    this.#batchAt += siginfo.BYTES;
    const code = siginfo.code(batch, at);
    // The signalfd gives no others than those that are listed.
    view.setUint32(PLACE_AT, this.#places.get(siginfo.signal(batch, at)) ?? 0, true);
    view.setUint32(VALUE_AT, code === siginfo.QUEUED ? siginfo.value(batch, at) : 0, true);
    this.#comesFrom(siginfo.pid(batch, at), siginfo.uid(batch, at), siginfo.isClaimed(code));
    return this.#span;
  }

  release(): void {}

  takeHandles(): readonly Handle[] {
    return NO_HANDLES;
  }

  /** True when there is a signal to be given now; reads some when there is none. */
  #fill(): boolean {
    if (this.#onHold) return false;
    if (this.#batchAt < this.#batchEnd) return true;
    this.#batchAt = 0;
    this.#batchEnd = Math.max(0, this.#addon.read(this.#signals, this.#batch, 0, this.#batch.length));
    return this.#batchEnd > 0;
  }

  #comesFrom(pid: number, uid: number, claimed: boolean): void {
    const last = this.#peer.credentials;
    if (last !== undefined && last.pid === pid && last.uid === uid && last.claimed === claimed) return;
    const credentials: Credentials = { pid, uid, claimed };
    this.#peer = Object.freeze({ address: this.#url, credentials: Object.freeze(credentials) });
  }

  pollReadable(): boolean {
    return this.ended || (!this.#onHold && this.#batchAt < this.#batchEnd);
  }

  // --- sending: refused ---

  claim(_bytes: number): never {
    if (this.#end !== undefined) throw this.#end.error;
    const words = `${this.#url}: this end only receives signals; it cannot send (capability directions: send, from who connects)`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }

  commit(): void {
    throw this.#end?.error ?? misuse('nothing is claimed');
  }

  abandon(): void {}

  flush(): void {}

  // --- waiting ---

  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.ended || this.#fill()) return Promise.resolve(true);
    if (deadline <= performance.now()) return Promise.resolve(false);
    if (this.#readable.waiting) return Promise.reject(misuse('one wait at a time'));
    const waiting = this.#readable.start(deadline, signal);
    this.#keepAlive();
    if (!this.#onHold) this.#watcher.watch(READABLE);
    return waiting;
  }

  whenWritable(_bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.ended ? Promise.resolve(true) : this.#whenEnded(deadline, signal);
  }

  /** There is never room: only the end can come. */
  #whenEnded(deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const waiter = new Waiter(() => undefined);
    void this.closed.then(() => waiter.settle(true));
    return deadline <= performance.now() ? Promise.resolve(false) : waiter.start(deadline, signal);
  }

  waitReadable(deadline: Deadline): boolean {
    if (this.ended || this.#fill()) return true;
    if (this.#onHold && deadline === Number.POSITIVE_INFINITY) {
      throw misuse(`${this.#url} is on hold: this thread would wait for ever, since only it can release it`);
    }
    const signals = this.#onHold ? [] : [this.#signals];
    if (signals.length > 0) return this.#addon.poll(signals, [READABLE], deadline - performance.now()) !== 0;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, deadline - performance.now()));
    return false;
  }

  waitWritable(bytes: number, _deadline: Deadline): boolean {
    if (this.#end === undefined) this.claim(bytes);
    return true;
  }

  ref(): void {
    this.#alive = true;
    this.#keepAlive();
  }

  unref(): void {
    this.#alive = false;
    this.#keepAlive();
  }

  #keepAlive(): void {
    if (this.#end !== undefined) return;
    this.#readable.keepAlive(this.#alive);
    if (!this.#readable.waiting) this.#watcher.watch(0);
    if (this.#alive) this.#watcher.ref();
    else this.#watcher.unref();
  }

  // --- ending ---

  close(): Promise<void> {
    this.closeSync();
    return Promise.resolve();
  }

  closeSync(): void {
    this.#finish({ by: 'local', orderly: true, error: closedHere() });
  }

  abort(error?: RpcError): void {
    this.#finish({ by: 'local', orderly: false, error: error ?? abortedHere() });
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#onClosed();
    this.#watcher.close();
    // Gives the signals back, and with them the lock by which senders know that somebody receives.
    this.#signals.close();
    this.#readable.settle(true);
    this.#settleClosed(end);
  }
}
