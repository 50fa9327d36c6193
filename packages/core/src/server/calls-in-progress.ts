import {
  type Callbacks,
  type Channel,
  type Envelope,
  Flag,
  Kind,
  NO_DEADLINE,
  type RequestSink,
} from '../channel/index.js';
import { Code, Reason, RpcError } from '../errors/index.js';
import type { LinkEnd, Span } from '../transport/contract.js';
import type { Admission } from './admission.js';
import { Answers } from './answers.js';
import type { CallInProgress } from './call-in-progress.js';
import { heedStream } from './call-streams.js';
import { draining, expired, noHandlerReady, overloaded, unanswerable, undecodable, unknownMethod } from './failures.js';
import { peerChannel } from './peer-channel.js';
import { PendingCalls } from './pending-calls.js';
import { type CameToFront, RequestReader } from './request-reader.js';
import { Reservations } from './reservations.js';
import type { Route, Routes, RoutesById } from './router.js';
import { Running } from './running.js';

export interface ServingOptions {
  readonly routes: Routes;
  /** The same by the ids that callers compute alone; undefined where a greeting has told the method table. */
  readonly byId?: RoutesById | undefined;
  readonly admission: Admission;
  /** True while the server takes no more calls. */
  readonly draining: () => boolean;
  /** Hears of failures that no caller is told of: those of one-way calls, and of the channel itself. */
  readonly onError: (error: RpcError) => void;
  /** What is counted for its server; absent where nobody asks. */
  readonly counts?: ServingCounts | undefined;
  /** The calling side; absent where this side calls by other means. */
  readonly callbacks?: (() => Callbacks) | undefined;
  /** In a worker: since when its front has had what comes. @default what comes has just come */
  readonly cameToFront?: CameToFront | undefined;
}

/** Counts over all channels of a server. */
export interface ServingCounts {
  /** Messages of callers' streams that came after their calls had ended. */
  lateItems: number;
}

/**
 * The calls that came in over one channel. Each is read (`RequestReader`), admitted or queued (here), run (`Running`) and
 * answered (`Answers`); what is not done at once is among the `PendingCalls`.
 */
export class CallsInProgress implements RequestSink {
  readonly #channel: Channel;
  readonly #options: ServingOptions;
  readonly #routes: Routes;
  readonly #byId: RoutesById | undefined;
  /** Nothing can be answered. Callers do not know of each other's ids either, so that calls get ids here. */
  readonly #mute: boolean;
  #lastId = 0;
  readonly #admission: Admission;
  readonly #reservations: Reservations;
  readonly #answers: Answers;
  readonly #pending: PendingCalls;
  readonly #reader: RequestReader;
  readonly #running: Running;

  constructor(channel: Channel, options: ServingOptions) {
    const { admission, onError, cameToFront } = options;
    this.#channel = channel;
    this.#options = options;
    this.#routes = options.routes;
    this.#byId = options.byId;
    this.#mute = channel.link.direction === 'receive';
    channel.onStray = onError;
    this.#admission = admission;
    this.#reservations = new Reservations(admission);
    this.#answers = new Answers(channel, onError);
    this.#pending = new PendingCalls(this.#answers, this.#reservations);
    this.#reader = new RequestReader(
      channel,
      peerChannel(channel, options.callbacks),
      this.#answers,
      this.#mute,
      cameToFront,
    );
    this.#running = new Running(channel, admission, this.#pending, this.#answers, onError);
  }

  onRequest(envelope: Envelope, span: Span): void {
    if (envelope.kind === Kind.REQUEST) this.#request(envelope, span);
    else if (this.#mute) this.#options.onError(this.#unanswerable(envelope));
    else if (envelope.kind === Kind.PROBE) this.#probe(envelope);
    else if (envelope.kind === Kind.CANCEL) this.#cancel(envelope);
    else this.#streamed(envelope, span);
  }

  onEnd(end: LinkEnd): void {
    if (end.by === 'fault') this.#options.onError(end.error);
    this.#pending.stopAll(end.error);
    this.#reservations.releaseAll();
    this.#pending.stopClock();
  }

  /** Calls that run or wait, or may come since a probe has reserved a handler for them. */
  get busy(): number {
    return this.#pending.size + this.#reservations.size;
  }

  /** Tells every handler that still works to stop, and its caller why. */
  refuseAll(error: RpcError): void {
    this.#pending.refuseAll(error);
  }

  #request(envelope: Envelope, span: Span): void {
    const { flags } = envelope;
    const callId = this.#mute ? ++this.#lastId : envelope.callId;
    const reserved = !this.#mute && (flags & Flag.RESERVED) !== 0 && this.#reservations.redeem(callId);
    const route = this.#routeOf(envelope);
    if (route === undefined) {
      if (reserved) this.#admission.release();
      const error = unknownMethod(envelope.methodId, this.#byId && this.#routes);
      if (this.#mute) this.#options.onError(error);
      else this.#channel.sendFailure(callId, error);
      return;
    }
    if (this.#mute && !(route.method.oneway && (flags & Flag.ONEWAY) !== 0)) {
      this.#options.onError(this.#unanswerable(envelope));
      return;
    }
    const call = this.#reader.read(envelope, span, callId, route);
    if (call === undefined) {
      if (reserved) this.#admission.release();
      return;
    }
    const left = envelope.timeLeft;
    if (left === 0) {
      if (reserved) this.#admission.release();
      this.#answers.fail(call, expired(call));
    } else if (reserved || (!this.#options.draining() && this.#admission.tryTake())) {
      this.#running.run(call);
    } else if ((flags & Flag.RESERVED) !== 0) {
      this.#answers.fail(call, noHandlerReady(call.path));
    } else {
      this.#queue(call, left);
    }
  }

  /** `left`: as the envelope says. */
  #queue(call: CallInProgress, left: number): void {
    if (this.#options.draining()) {
      this.#answers.fail(call, draining(call));
      return;
    }
    // The caller has a policy for each phase, and minds the first one; what came with the call is the reply's.
    const apart = call.confirm && !call.oneway && left !== NO_DEADLINE;
    if (apart) call.deadline = Number.POSITIVE_INFINITY;
    const start = (): void => {
      call.withdraw = undefined;
      this.#pending.delete(call);
      if (apart) call.deadline = performance.now() + left;
      else if (call.deadline <= performance.now()) {
        this.#admission.release();
        this.#answers.fail(call, expired(call));
        return;
      }
      this.#running.run(call);
    };
    if (this.#admission.tryQueue(start)) {
      call.withdraw = () => this.#admission.withdraw(start);
      this.#pending.add(call);
    } else {
      this.#answers.fail(call, overloaded(call));
    }
  }

  /** More of a call that streams. What comes after its end concerns nobody, and is counted. */
  #streamed(envelope: Envelope, span: Span): void {
    const call = this.#pending.get(envelope.callId);
    if (call === undefined) {
      const { counts } = this.#options;
      if (counts !== undefined && envelope.kind === Kind.REQUEST_ITEM) counts.lateItems++;
      return;
    }
    this.#channel.yieldDue = true;
    try {
      heedStream(this.#channel, call, envelope, span);
    } catch (error) {
      this.#pending.delete(call);
      const failure = undecodable(call, error);
      this.#answers.fail(call, failure);
      call.stop(failure);
    }
  }

  #routeOf(envelope: Envelope): Route | undefined {
    return this.#byId === undefined ? this.#routes[envelope.methodId] : this.#byId.get(envelope.methodId);
  }

  #unanswerable(envelope: Envelope): RpcError {
    return unanswerable(this.#routeOf(envelope)?.path ?? 'a method', this.#channel.link.peer.address);
  }

  #probe(envelope: Envelope): void {
    const { callId } = envelope;
    const until = this.#options.draining() ? undefined : this.#reservations.tryReserve(callId, performance.now());
    if (until === undefined) {
      this.#channel.sendFailure(callId, noHandlerReady(this.#routeOf(envelope)?.path ?? 'the method'));
      return;
    }
    this.#pending.mindReservation(until);
    this.#channel.sendLater(Kind.READY, 0, callId, 0);
  }

  #cancel({ callId, status }: Envelope): void {
    this.#reservations.release(callId);
    const call = this.#pending.get(callId);
    if (call === undefined) return;
    this.#pending.delete(call);
    if (status === Code.DEADLINE_EXCEEDED || call.deadline <= performance.now()) call.stop(expired(call));
    else
      call.stop(
        new RpcError('CANCELLED', `${call.path}: cancelled by the caller`, { reason: Reason.ABORTED_BY_CALLER }),
      );
  }
}
