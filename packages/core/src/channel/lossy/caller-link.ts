import type { Deadline, Link, Span } from '../../transport/contract.js';
import { closedHere } from '../../transport/ends.js';
import { CALL_SPAN, type ResolvedLossyOptions } from '../../transport/lossy-options.js';
import { Waiter } from '../../transport/waiter.js';
import { Deadlines } from '../deadlines.js';
import { ENVELOPE_BYTES, Kind } from '../envelope.js';
import { aboutOf, distance, HEAD_BYTES, numberOf, Role, roleOf, writeHead } from './head.js';
import { OpenCall } from './open-call.js';
import { RoundTrips } from './round-trip.js';
import { WrappedLink } from './wrapped-link.js';

/** An immediate call gives its probe some 20 ms in all. */
const PROBE_RESEND_MS = 5;
/** A word that a call is no longer wanted is not worth more. */
const CANCEL_TRIES = 7;
/** Milliseconds that `close` gives one-way calls to arrive. */
const CLOSE_MS = 2000;
const SPARE_CALLS = 64;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * The calling side of a lossy link: sends each request again, less and less often, until it is answered, its caller
 * gives up, or the link ends. What has no caller any more (one-way, awaited) is sent again until the server says that it
 * has it.
 */
export class CallerLink extends WrappedLink {
  readonly #options: ResolvedLossyOptions;
  readonly #trips: RoundTrips;
  /**
   * The one call that is open, where there is only one: maps whose entries come and go one by one are made anew every
   * other time, which costs more than all the rest. `#spill` puts it among the others.
   */
  #only: OpenCall | undefined;
  /** By call id, in the order of their numbers. */
  readonly #calls = new Map<number, OpenCall>();
  /** Those of which the server has not said that it has them, in the order of their numbers. */
  readonly #unacked = new Set<OpenCall>();
  readonly #spare: OpenCall[] = [];
  #lastNumber = 0;
  /** No call is to be sent again before this. */
  #dueMs = NEVER;
  /** For the event loop; a thread that blocks looks by itself. */
  readonly #timer: Deadlines | undefined;
  readonly #room = new Waiter(() => undefined);
  /** Set when closing has begun. */
  #closing: { readonly error: ReturnType<typeof closedHere>; drained: (() => void) | undefined } | undefined;
  #closed: Promise<void> | undefined;

  constructor(inner: Link, options: ResolvedLossyOptions, blocking: boolean) {
    super(inner);
    this.#options = options;
    this.#trips = new RoundTrips(options);
    this.#timer = blocking ? undefined : new Deadlines((now) => this.#sweep(now));
    void inner.closed.then(() => this.#stop());
  }

  override claim(bytes: number): Span | null {
    if (this.#closing !== undefined) throw this.inner.end?.error ?? this.#closing.error;
    if (this.#full && this.inner.end === undefined) return null;
    return super.claim(bytes);
  }

  override waitReadable(deadline: Deadline): boolean {
    for (;;) {
      if (this.inner.waitReadable(Math.min(deadline, this.#dueMs))) return true;
      const now = performance.now();
      if (now >= deadline) return false;
      this.#dueMs = this.#sweep(now);
    }
  }

  override whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    if (!this.#full || this.inner.end !== undefined) return super.whenWritable(bytes, deadline, signal);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return this.#room.start(deadline, signal);
  }

  /** The caller has given up: its call makes room at once, and is sent no more. */
  giveUp(callId: number): void {
    this.#spill();
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    call.forgotten = true;
    call.dueMs = NEVER;
    this.#unacked.delete(call);
    this.#madeRoom();
  }

  /** Waits for one-way calls to arrive, so far as the deadline permits. */
  override close(deadline: Deadline = performance.now() + CLOSE_MS): Promise<void> {
    // Once: there is one place in which somebody may wait until nothing is left to be said.
    this.#closed ??= this.#close(deadline);
    return this.#closed;
  }

  async #close(deadline: Deadline): Promise<void> {
    this.#closing ??= { error: closedHere(), drained: undefined };
    if (this.inner.end === undefined && this.#hasSilent()) {
      const closing = this.#closing;
      const late = new Deadlines(() => {
        closing.drained?.();
        return NEVER;
      });
      this.inner.ref();
      await new Promise<void>((resolve) => {
        closing.drained = resolve;
        late.add(deadline);
      });
      late.stop();
    }
    await this.inner.close(deadline);
  }

  protected override sending(span: Span, length: number): void {
    const { view, start } = span;
    const kind = view.getUint32(start, true) >>> 24;
    if (kind !== Kind.REQUEST && kind !== Kind.PROBE && kind !== Kind.CANCEL) {
      writeHead(view, start - HEAD_BYTES, Role.PLAIN, 0, 0, 0);
      return;
    }
    const number = (this.#lastNumber + 1) >>> 0;
    this.#lastNumber = number;
    const callId = view.getUint32(start + 16, true);
    this.#spill();
    const before = this.#calls.size === 0 ? undefined : this.#calls.get(callId);
    const about = before?.number ?? 0;
    if (before !== undefined) this.#drop(before);
    const alone = this.#calls.size === 0;
    const now = performance.now();
    const call = this.#spare.pop() ?? new OpenCall();
    writeHead(view, start - HEAD_BYTES, Role.ASK, number, alone ? number : this.#oldest, about);
    call.keep(span, length, number, now);
    if (kind === Kind.REQUEST) {
      call.trip = this.#trips.of(call.methodId);
      call.waitMs = call.trip.waitMs;
    } else {
      call.waitMs = kind === Kind.PROBE ? Math.min(this.#options.resendMs, PROBE_RESEND_MS) : this.#options.resendMs;
    }
    if (alone) {
      this.#only = call;
    } else {
      this.#calls.set(callId, call);
      this.#unacked.add(call);
    }
    this.#schedule(call, now);
  }

  protected override take(span: Span): boolean {
    const role = roleOf(span);
    if (role === Role.PLAIN) return true;
    if (role === Role.ACK) {
      this.#spill();
      const call = this.#calls.get(aboutOf(span));
      if (call?.number === numberOf(span) && !call.forgotten) {
        this.#heardOf(call);
        this.#acked(call);
      }
      return false;
    }
    const at = span.start + HEAD_BYTES;
    if (role !== Role.ANSWER || span.end - at < ENVELOPE_BYTES) return false;
    const callId = span.view.getUint32(at + 16, true);
    const call = this.#only?.callId === callId ? this.#only : this.#calls.get(callId);
    // Of something else, or of what is answered already: it was asked twice, or came twice.
    if (call === undefined || call.forgotten || call.number !== numberOf(span)) return false;
    this.#heardOf(call);
    const kind = span.view.getUint32(at, true) >>> 24;
    if (kind === Kind.TAKEN && !call.oneway) {
      if (call.taken) return false;
      call.taken = true;
      this.#spill();
      this.#acked(call);
      return true;
    }
    this.#drop(call);
    return true;
  }

  /** Its callee's first word: how long that takes is what others wait for before they are sent again. */
  #heardOf(call: OpenCall): void {
    const { trip } = call;
    if (trip === undefined) return;
    call.trip = undefined;
    if (call.tries === 0) trip.measured(performance.now() - call.sentMs);
    else trip.backedOff(call.waitMs);
  }

  get #full(): boolean {
    if (this.#only !== undefined) return this.#options.unansweredCalls === 1;
    const { size } = this.#unacked;
    if (size === 0) return false;
    if (size >= this.#options.unansweredCalls) return true;
    const [first] = this.#unacked;
    return distance(this.#lastNumber, first!.number) >= CALL_SPAN - 1;
  }

  /** The number below which nothing is wanted any more. */
  get #oldest(): number {
    for (const call of this.#calls.values()) if (!call.forgotten) return call.number;
    return (this.#lastNumber + 1) >>> 0;
  }

  /** The server has it: from now on it is asked after now and then only. */
  #acked(call: OpenCall): void {
    if (call.silent || call.kind === Kind.CANCEL) {
      this.#drop(call);
      return;
    }
    call.waitMs = this.#options.resendMostMs;
    if (call.acked) return;
    call.acked = true;
    call.dueMs = performance.now() + call.waitMs;
    this.#unacked.delete(call);
    this.#madeRoom();
  }

  #spill(): void {
    const call = this.#only;
    if (call === undefined) return;
    this.#only = undefined;
    this.#calls.set(call.callId, call);
    this.#unacked.add(call);
  }

  #drop(call: OpenCall): void {
    if (call === this.#only) {
      this.#only = undefined;
    } else {
      this.#calls.delete(call.callId);
      this.#unacked.delete(call);
    }
    // A thread that blocks waits until then at most, and cheapest for long.
    if (this.#calls.size === 0 && this.#timer === undefined) this.#dueMs = NEVER;
    if (this.#spare.length < SPARE_CALLS) {
      call.shrink();
      this.#spare.push(call);
    }
    this.#madeRoom();
  }

  #madeRoom(): void {
    if (this.#room.waiting && !this.#full) this.#room.settle(true);
    const drained = this.#closing?.drained;
    if (drained !== undefined && !this.#hasSilent()) drained();
  }

  #hasSilent(): boolean {
    this.#spill();
    for (const call of this.#calls.values()) if (call.silent) return true;
    return false;
  }

  #schedule(call: OpenCall, now: number): void {
    // Not all in step, after a stop of the server that made all of them wait.
    call.dueMs = now + call.waitMs * (0.875 + Math.random() / 4);
    if (call.dueMs >= this.#dueMs) return;
    this.#dueMs = call.dueMs;
    this.#timer?.add(call.dueMs);
  }

  /** Sends again what is due; the instant at which something will be. */
  #sweep(now: number): number {
    this.#spill();
    let next = NEVER;
    let sent = false;
    const oldest = this.#oldest;
    for (const call of this.#calls.values()) {
      if (call.dueMs <= now) {
        if (call.deadlineMs <= now || (call.kind === Kind.CANCEL && call.tries >= CANCEL_TRIES)) {
          // A caller that waits ends its call by itself, which says so to the server.
          if (call.silent || call.kind === Kind.CANCEL) this.#drop(call);
          else call.dueMs = NEVER;
          continue;
        }
        call.renew(oldest, now);
        sent = this.trySend(call.bytes, call.length) || sent;
        call.tries++;
        call.waitMs = Math.min(2 * call.waitMs, this.#options.resendMostMs);
        call.dueMs = now + call.waitMs * (0.875 + Math.random() / 4);
      }
      if (call.dueMs < next) next = call.dueMs;
    }
    if (sent && this.inner.end === undefined) this.inner.flush();
    this.#dueMs = next;
    return next;
  }

  #stop(): void {
    this.#timer?.stop();
    this.#only = undefined;
    this.#calls.clear();
    this.#unacked.clear();
    this.#room.settle(true);
    this.#closing?.drained?.();
  }
}
