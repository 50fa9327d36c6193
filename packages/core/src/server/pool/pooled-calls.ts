import {
  type Channel,
  closeAll,
  copyForRelay,
  Deadlines,
  type Envelope,
  encodeHello,
  Flag,
  type Hello,
  type Incoming,
  Kind,
  NO_DEADLINE,
  type RelayedCopy,
  type RelayedLinkParts,
  RelayFlag,
  RelayOp,
  type RequestSink,
  sharedNow,
  tryPass,
  tryPassBack,
} from '../../channel/index.js';
import { Code, type RpcError } from '../../errors/index.js';
import type { Handle, LinkEnd, Span } from '../../transport/contract.js';
import type { ServingCounts } from '../calls-in-progress.js';
import { unanswerable, unknownMethod } from '../failures.js';
import type { Route, Routes, RoutesById } from '../router.js';
import { type HeldBy, HeldCall } from './held-call.js';
import type { Pool, PoolClient } from './pool.js';
import type { PoolWorker } from './pool-worker.js';
import { expiredInQueue, noWorkerReady, poolDraining, poolFull, workerDied, wouldBeLate } from './refusals.js';
import { LAST_WORKER, workerOfCall } from './threads.js';

/** What a worker is told of a client's link before the first message from it, as JSON. */
export interface OpenedLink extends RelayedLinkParts {
  readonly checksum: boolean;
  readonly shared: boolean;
  /** Methods go by ids that both sides compute. */
  readonly byId: boolean;
  /** The client's greeting; null where there is none. */
  readonly hello: string | null;
}

/** How a client's link ended, as JSON. */
export interface EndedLink extends Pick<LinkEnd, 'by' | 'orderly'> {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
}

export interface PooledOptions {
  readonly routes: Routes;
  readonly byId: RoutesById | undefined;
  readonly handlesPerMessage: number;
  readonly checksum: boolean;
  readonly draining: () => boolean;
  readonly onError: (error: RpcError) => void;
  readonly counts: ServingCounts;
}

/** Milliseconds that a worker is kept for a request whose caller was told that one is ready. */
const RESERVATION_MS = 1000;
/**
 * Of the time that a call has left, what it may be expected to take when it has to wait. How long calls take is known from the
 * past only, and a queue that is half as long is never empty either.
 */
const SHARE_TO_WAIT = 0.5;
/** Of what is known of a call: it is one-way, and its caller waits until a handler has it. */
const ONEWAY = 1;
const WORKER_BITS = 10;

function workerIn(entry: number): number {
  return (entry >> 1) & LAST_WORKER;
}

/**
 * The calls of one client's link, at the front: which worker has which. Messages pass unchanged; of each, only the
 * envelope is looked at.
 */
export class PooledCalls implements RequestSink, PoolClient, HeldBy {
  readonly #channel: Channel;
  readonly #pool: Pool;
  readonly #options: PooledOptions;
  readonly #number: number;
  readonly #mute: boolean;
  /** By call id: the place of its route, its worker's number, and ONEWAY: one number, since one is kept for each call. */
  readonly #calls = new Map<number, number>();
  readonly #held = new Map<number, HeldCall>();
  /** Slots that a probe has reserved, by call id, in the order of their ends. */
  readonly #reserved = new Map<number, { readonly worker: PoolWorker; readonly until: number }>();
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));
  /** Workers that know of this link. */
  readonly #told = new Set<PoolWorker>();
  /** The worker that has an ordered call, or the ordered call that waits for one; and those behind it. */
  #orderedAt: PoolWorker | undefined;
  #orderedHeld: HeldCall | undefined;
  readonly #ordered: HeldCall[] = [];
  #end: LinkEnd | undefined;

  constructor(channel: Channel, pool: Pool, options: PooledOptions) {
    this.#channel = channel;
    this.#pool = pool;
    this.#options = options;
    this.#mute = channel.link.direction === 'receive';
    channel.onStray = options.onError;
    this.#number = pool.newClient(this);
  }

  /** Calls of which somebody waits for a word, and those that may come since a probe has reserved a worker for them. */
  get busy(): number {
    return this.#calls.size + this.#held.size + this.#reserved.size;
  }

  onRequest(envelope: Envelope, span: Span): void {
    const { kind } = envelope;
    if (kind === Kind.REQUEST) this.#request(envelope, span);
    else if (this.#mute) this.#options.onError(this.#unanswerable(envelope));
    else if (kind === Kind.PROBE) this.#probe(envelope);
    else if (kind === Kind.CANCEL) this.#cancel(envelope, span);
    else this.#more(envelope.callId, envelope, span);
  }

  onEnd(end: LinkEnd): void {
    if (end.by === 'fault') this.#options.onError(end.error);
    for (const { route } of this.#held.values()) route.counts.ended(Code.CANCELLED);
    this.#dropHeld();
    for (const callId of this.#reserved.keys()) this.#unreserve(callId);
    this.#deadlines.stop();
    this.#calls.clear();
    this.#end = end;
    this.#tellEnd(end);
    if (this.#orderedAt === undefined && this.#orderedHeld === undefined) this.#pool.clients.delete(this.#number);
  }

  #tellEnd({ by, orderly, error }: LinkEnd): void {
    const { code, reason, message } = error;
    const words = Buffer.from(JSON.stringify({ by, orderly, code, reason, message } satisfies EndedLink));
    for (const worker of this.#told) this.#tell(worker, RelayOp.END, words);
    this.#told.clear();
  }

  /** Tells all callers. */
  refuseAll(error: RpcError): void {
    for (const callId of this.#calls.keys()) this.#channel.sendFailure(callId, error);
    for (const { callId, route } of this.#held.values()) this.#refuse(callId, false, error, route);
    this.#dropHeld();
    this.#calls.clear();
  }

  // --- from the client ---------------------------------------------------------------------------------------------

  #request(envelope: Envelope, span: Span): void {
    const { flags, callId, timeLeft } = envelope;
    const reserved = this.#mute || (flags & Flag.RESERVED) === 0 ? undefined : this.#redeem(callId);
    const oneway = (flags & Flag.ONEWAY) !== 0;
    const confirm = !this.#mute && (flags & Flag.CONFIRM) !== 0;
    const route = this.#routeOf(envelope);
    const refusal = this.#refusal(envelope, route, reserved, oneway);
    if (refusal !== undefined || route === undefined) {
      if (reserved !== undefined) this.#pool.give(reserved, 1, true);
      if (refusal !== undefined) this.#refuse(callId, this.#mute || (oneway && !confirm), refusal, route);
      return;
    }
    const ordered = route.method.ordered === true;
    const mustWait = ordered && (this.#orderedAt !== undefined || this.#orderedHeld !== undefined);
    const worker = reserved ?? (mustWait ? undefined : this.#pool.tryTake());
    if (worker === undefined) {
      this.#hold(envelope, span, route, oneway, confirm, ordered, mustWait);
      return;
    }
    if (ordered) this.#orderedAt = worker;
    this.#note(callId, worker, this.#placeOf(route, envelope.methodId), oneway, confirm);
    const came = timeLeft === NO_DEADLINE && !route.counts.timed ? 0 : sharedNow();
    this.#pass(worker, RelayFlag.TAKES, came, envelope, span);
  }

  /** Why a request is not taken, if it is not, by what its envelope says. */
  #refusal(
    envelope: Envelope,
    route: Route | undefined,
    reserved: PoolWorker | undefined,
    oneway: boolean,
  ): RpcError | undefined {
    if (route === undefined) return unknownMethod(envelope.methodId, this.#options.byId && this.#options.routes);
    if (this.#mute && !(route.method.oneway && oneway)) return this.#unanswerable(envelope);
    if (envelope.timeLeft === 0) return expiredInQueue(route.path);
    if (reserved === undefined && (envelope.flags & Flag.RESERVED) !== 0) return noWorkerReady(route.path);
    if (reserved === undefined && this.#options.draining()) return poolDraining(route.path);
    return undefined;
  }

  /** Nothing is free, or something of this link comes first. */
  #hold(
    { callId, timeLeft }: Envelope,
    span: Span,
    route: Route,
    oneway: boolean,
    confirm: boolean,
    ordered: boolean,
    behind: boolean,
  ): void {
    const { path } = route;
    const { maxQueued } = this.#pool.knobs;
    const { expectedMs } = this.#pool;
    // The caller has a policy for each phase, and minds the first one; what came with the call is the reply's.
    const apart = confirm && !oneway;
    const left = apart || timeLeft === NO_DEADLINE ? Number.POSITIVE_INFINITY : timeLeft;
    const full = this.#pool.queued >= maxQueued;
    if (full || expectedMs > SHARE_TO_WAIT * left) {
      const error = full
        ? poolFull(path, maxQueued, Math.max(1, Math.ceil(expectedMs)))
        : wouldBeLate(path, expectedMs, left);
      this.#refuse(callId, this.#mute || (oneway && !confirm), error, route);
      return;
    }
    const came = left === Number.POSITIVE_INFINITY && (apart || !route.counts.timed) ? 0 : sharedNow();
    const copy = this.#copy(span);
    const call = new HeldCall(this, callId, route, { oneway, confirm, ordered }, performance.now() + left, came, copy);
    if (!(oneway && !confirm)) this.#held.set(callId, call);
    if (behind) {
      this.#ordered.push(call);
      this.#pool.held++;
      if (call.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(call.deadline);
      return;
    }
    if (ordered) this.#orderedHeld = call;
    this.#pool.wait(call);
  }

  startHeld(call: HeldCall, worker: PoolWorker): void {
    this.#held.delete(call.callId);
    if (call.ordered) {
      this.#orderedHeld = undefined;
      this.#orderedAt = worker;
    }
    this.#note(call.callId, worker, this.#options.routes.indexOf(call.route), call.oneway, call.confirm);
    this.#passCopy(worker, RelayFlag.TAKES, call.came, call.request);
    for (const copy of call.more) this.#passCopy(worker, 0, 0, copy);
    if (this.#end !== undefined) this.#tellEnd(this.#end);
  }

  expireHeld(call: HeldCall): void {
    this.#forget(call);
    this.#refuse(call.callId, call.oneway && !call.confirm, expiredInQueue(call.path), call.route);
  }

  #forget(call: HeldCall): void {
    this.#held.delete(call.callId);
    call.drop();
    const at = this.#ordered.indexOf(call);
    if (at !== -1) {
      this.#ordered.splice(at, 1);
      this.#pool.held--;
    } else {
      this.#pool.withdraw(call);
      if (this.#orderedHeld === call) {
        this.#orderedHeld = undefined;
        this.#nextOrdered();
      }
    }
  }

  orderedDone(): void {
    this.#orderedAt = undefined;
    this.#nextOrdered();
  }

  #nextOrdered(): void {
    const next = this.#ordered.shift();
    if (next === undefined) {
      if (this.#end !== undefined) this.#pool.clients.delete(this.#number);
      return;
    }
    this.#pool.held--;
    const worker = this.#pool.tryTake();
    if (worker !== undefined) this.startHeld(next, worker);
    else {
      this.#orderedHeld = next;
      // It has waited already, and is not turned away now.
      this.#pool.wait(next);
    }
  }

  #cancel(envelope: Envelope, span: Span): void {
    const { callId, status } = envelope;
    this.#unreserve(callId);
    const held = this.#held.get(callId);
    if (held !== undefined) {
      held.route.counts.ended(status === Code.DEADLINE_EXCEEDED ? status : Code.CANCELLED);
      this.#forget(held);
    } else {
      this.#more(callId, envelope, span);
      this.#calls.delete(callId);
    }
  }

  /** What concerns a call that was taken goes where it went. What comes after its end concerns nobody. */
  #more(callId: number, envelope: Envelope, span: Span): void {
    const entry = this.#calls.get(callId);
    const held = entry === undefined ? this.#held.get(callId) : undefined;
    if (held !== undefined) held.more.push(this.#copy(span));
    else if (entry === undefined) {
      if (envelope.kind === Kind.REQUEST_ITEM) this.#options.counts.lateItems++;
    } else {
      const worker = this.#pool.worker(workerIn(entry));
      if (worker !== undefined) this.#pass(worker, 0, 0, envelope, span);
    }
  }

  #probe({ callId, methodId }: Envelope): void {
    const worker = this.#options.draining() || this.#reserved.has(callId) ? undefined : this.#pool.tryTake();
    if (worker === undefined) {
      const path = this.#routeAt(methodId)?.path ?? 'the method';
      this.#channel.sendFailure(callId, noWorkerReady(path));
      return;
    }
    const until = performance.now() + RESERVATION_MS;
    this.#reserved.set(callId, { worker, until });
    this.#deadlines.add(until);
    this.#channel.sendLater(Kind.READY, 0, callId, 0);
  }

  #redeem(callId: number): PoolWorker | undefined {
    const reserved = this.#reserved.get(callId);
    this.#reserved.delete(callId);
    return reserved?.worker.state === 'ready' ? reserved.worker : undefined;
  }

  #unreserve(callId: number): void {
    const reserved = this.#reserved.get(callId);
    if (reserved === undefined) return;
    this.#reserved.delete(callId);
    this.#pool.give(reserved.worker, 1, true);
  }

  #sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [callId, { until }] of this.#reserved) {
      if (until <= now) this.#unreserve(callId);
      else next = Math.min(next, until);
    }
    for (const call of [...this.#ordered]) {
      if (call.deadline <= now) this.expireHeld(call);
      else next = Math.min(next, call.deadline);
    }
    return next;
  }

  // --- from the workers --------------------------------------------------------------------------------------------

  fromWorker(worker: PoolWorker, incoming: Incoming): void {
    const { bytes, view, start, end } = incoming;
    const kind = view.getUint8(start + 3);
    const callId = view.getUint32(start + 16, true);
    if (kind === Kind.REPLY) this.#calls.delete(callId);
    else if (kind === Kind.TAKEN && ((this.#calls.get(callId) ?? 0) & ONEWAY) !== 0) this.#calls.delete(callId);
    else if (kind === Kind.REQUEST || kind === Kind.PROBE) this.#heedReplies();
    const channel = this.#channel;
    const handles = incoming.takeHandles();
    const { outbox } = channel;
    if (outbox.length === 0 && tryPassBack(channel, kind, callId, bytes, start, end, handles)) {
      channel.queueFlush();
      return;
    }
    const copy = copyForRelay(incoming, handles);
    const { length } = copy.bytes;
    const answer = kind === Kind.REPLY || kind === Kind.READY || kind === Kind.TAKEN;
    const attempt = (): boolean => tryPassBack(channel, kind, callId, copy.bytes, 0, length, handles);
    outbox.add({ bytes: length, answer, attempt });
    void worker;
  }

  /** A handler calls what the client offers: from now on replies come, too. */
  #heedReplies(): void {
    this.#channel.replies ??= {
      onReply: (envelope, span) => {
        const worker = this.#pool.worker(workerOfCall(envelope.callId));
        if (worker !== undefined && this.#told.has(worker)) this.#pass(worker, 0, 0, envelope, span);
      },
      onEnd: () => undefined,
    };
  }

  endedByWorker(): void {
    const { link, outbox } = this.#channel;
    void (outbox.drained ?? Promise.resolve()).then(() => link.close());
  }

  workerEnded(worker: PoolWorker, error: RpcError | undefined): void {
    this.#told.delete(worker);
    for (const [callId, { worker: reserved }] of this.#reserved) if (reserved === worker) this.#reserved.delete(callId);
    const why = error?.message ?? 'the pool let it go';
    for (const [callId, entry] of this.#calls) {
      if (workerIn(entry) !== worker.number) continue;
      this.#calls.delete(callId);
      const route = this.#options.routes[entry >> (1 + WORKER_BITS)];
      const died = workerDied(route?.path ?? 'the call', why);
      route?.counts.ended(died.status);
      this.#channel.sendFailure(callId, died);
    }
    if (this.#orderedAt === worker) this.orderedDone();
  }

  // --- passing on --------------------------------------------------------------------------------------------------

  #note(callId: number, worker: PoolWorker, place: number, oneway: boolean, confirm: boolean): void {
    if (oneway && !confirm) return;
    this.#calls.set(callId, (((place << WORKER_BITS) | worker.number) << 1) | (oneway ? ONEWAY : 0));
  }

  #pass(worker: PoolWorker, flags: number, came: number, envelope: Envelope, span: Span): void {
    this.#introduce(worker);
    const { outbox, relay } = worker;
    const plain = (envelope.flags & Flag.REFERENCES) === 0;
    if (plain && outbox.length === 0) {
      const { bytes, start, end } = span;
      const handles = this.#channel.link.takeHandles();
      if (tryPass(relay, this.#number, flags, came, bytes, start, end, handles)) return;
      this.#passLater(worker, flags, came, copyForRelay(span, handles));
    } else this.#passCopy(worker, flags, came, this.#copy(span));
  }

  #passCopy(worker: PoolWorker, flags: number, came: number, copy: RelayedCopy): void {
    this.#introduce(worker);
    const { bytes, handles, copied } = copy;
    if (
      worker.outbox.length === 0 &&
      tryPass(worker.relay, this.#number, flags, came, bytes, 0, bytes.length, handles, copied)
    )
      return;
    this.#passLater(worker, flags, came, copy);
  }

  #passLater(worker: PoolWorker, flags: number, came: number, { bytes, handles, copied }: RelayedCopy): void {
    const number = this.#number;
    const attempt = (): boolean => {
      if (worker.state !== 'ready') {
        closeAll(handles);
        return true;
      }
      return tryPass(worker.relay, number, flags, came, bytes, 0, bytes.length, handles, copied);
    };
    worker.outbox.add({ bytes: bytes.length, attempt });
  }

  /** A message with all that belongs to it, to be kept. */
  #copy(span: Span): RelayedCopy {
    const handles: readonly Handle[] = this.#channel.link.takeHandles();
    const { table, copies } = this.#channel.loans.copyBorrowed();
    if (table === 0) return copyForRelay(span, handles);
    const { bytes, view, start, end } = span;
    return copyForRelay({ bytes, view, start, end: end + table }, handles, copies);
  }

  /** Tells a worker of this link, before it hears anything from it. */
  #introduce(worker: PoolWorker): void {
    if (this.#told.has(worker)) return;
    this.#told.add(worker);
    const { link, remote, shared } = this.#channel;
    const { peer, direction, maxMessageBytes } = link;
    const { byId, checksum, handlesPerMessage } = this.#options;
    const opened: OpenedLink = {
      number: this.#number,
      peer,
      direction,
      maxMessageBytes,
      handles: handlesPerMessage,
      checksum,
      shared,
      byId: byId !== undefined,
      hello: remote === undefined ? null : encodeHello(remote as Hello).toString(),
    };
    this.#tell(worker, RelayOp.OPEN, Buffer.from(JSON.stringify(opened)));
  }

  #tell(worker: PoolWorker, op: number, words: Buffer): void {
    const number = this.#number;
    const attempt = (): boolean => worker.state !== 'ready' || worker.relay.tryTell(op, number, words);
    if (worker.outbox.length > 0 || !attempt()) worker.outbox.add({ bytes: words.length, attempt });
  }

  /** Answers a request that no handler has had. `silent`: nobody waits for an answer. */
  #refuse(callId: number, silent: boolean, error: RpcError, route: Route | undefined): void {
    route?.counts.ended(error.status);
    closeAll(this.#channel.link.takeHandles());
    if (silent) this.#options.onError(error);
    else this.#channel.sendFailure(callId, error, undefined, false, Flag.REFUSED);
  }

  /** Those whose callers wait for a word of them; what was said and wants none is run all the same. */
  #dropHeld(): void {
    for (const call of [...this.#held.values()]) this.#forget(call);
  }

  #routeOf(envelope: Envelope): Route | undefined {
    return this.#routeAt(envelope.methodId);
  }

  #routeAt(methodId: number): Route | undefined {
    const { byId, routes } = this.#options;
    return byId === undefined ? routes[methodId] : byId.get(methodId);
  }

  #placeOf(route: Route, methodId: number): number {
    const { byId, routes } = this.#options;
    return byId === undefined ? methodId : routes.indexOf(route);
  }

  #unanswerable(envelope: Envelope): RpcError {
    return unanswerable(this.#routeOf(envelope)?.path ?? 'a method', this.#channel.link.peer.address);
  }
}
