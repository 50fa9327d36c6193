import {
  type Callbacks,
  type Channel,
  closeUnsent,
  Deadlines,
  decodeReceived,
  EMPTY_PAYLOAD,
  ENVELOPE_BYTES,
  type Envelope,
  Flag,
  Kind,
  type Metadata,
  NO_DEADLINE,
  type RequestSink,
  runFor,
} from '../channel/index.js';
import type { MessageType } from '../codec/contract.js';
import { type MetadataView, Reason, RpcError } from '../errors/index.js';
import type { LinkEnd, Span } from '../transport/contract.js';
import type { Admission } from './admission.js';
import { CallInProgress } from './call-in-progress.js';
import { heedStream, receiveRequests, runStreaming } from './call-streams.js';
import {
  badReply,
  draining,
  expired,
  handlerFailed,
  noHandlerReady,
  noStreamsHere,
  overloaded,
  unanswerable,
  undecodable,
  unknownMethod,
  unwelcome,
} from './failures.js';
import { type PeerChannel, peerChannel } from './peer-channel.js';
import { Reservations } from './reservations.js';
import type { Route, Routes, RoutesById } from './router.js';

export interface ServingOptions {
  readonly routes: Routes;
  /** The same by the ids that callers compute alone; undefined where a greeting has told the method table. */
  readonly byId?: RoutesById | undefined;
  readonly admission: Admission;
  /** True while the server takes no more calls. */
  readonly draining: () => boolean;
  /** Hears of failures that no caller is told of: those of one-way calls, and of the channel itself. */
  readonly onError: (error: RpcError) => void;
  /** The calling side; absent where this side calls by other means. */
  readonly callbacks?: (() => Callbacks) | undefined;
}

/** The calls that came in over one channel. */
export class CallsInProgress implements RequestSink {
  readonly #channel: Channel;
  readonly #shown: PeerChannel;
  readonly #options: ServingOptions;
  readonly #routes: Routes;
  readonly #byId: RoutesById | undefined;
  /** Nothing can be answered. Callers do not know of each other's ids either, so that calls get ids here. */
  readonly #mute: boolean;
  #lastId = 0;
  readonly #admission: Admission;
  /** Calls whose handlers are not done at once. */
  readonly #pending = new Map<number, CallInProgress>();
  readonly #reservations: Reservations;
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));

  constructor(channel: Channel, options: ServingOptions) {
    this.#channel = channel;
    this.#shown = peerChannel(channel, options.callbacks);
    this.#options = options;
    this.#routes = options.routes;
    this.#byId = options.byId;
    this.#mute = channel.link.direction === 'receive';
    channel.onStray = options.onError;
    this.#admission = options.admission;
    this.#reservations = new Reservations(options.admission);
  }

  onRequest(envelope: Envelope, span: Span): void {
    if (envelope.kind === Kind.REQUEST) this.#request(envelope, span);
    else if (this.#mute) this.#options.onError(this.#unanswerable(envelope));
    else if (envelope.kind === Kind.PROBE) this.#probe(envelope);
    else if (envelope.kind === Kind.CANCEL) this.#cancel(envelope.callId);
    else this.#streamed(envelope, span);
  }

  onEnd(end: LinkEnd): void {
    if (end.by === 'fault') this.#options.onError(end.error);
    this.stopAll(end.error);
    this.#reservations.releaseAll();
    this.#deadlines.stop();
  }

  /** Tells every handler that still works to stop. */
  stopAll(reason: RpcError): void {
    for (const call of this.#pending.values()) call.stop(reason);
    this.#pending.clear();
  }

  /** As stopAll, and the callers are told. */
  refuseAll(error: RpcError): void {
    for (const call of this.#pending.values()) this.#fail(call, error);
    this.stopAll(error);
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
    let metadata: Metadata | undefined;
    let failed: RpcError | undefined;
    if (envelope.headersLength !== 0) {
      try {
        const parts = this.#channel.readMetadata(envelope, span);
        if (parts === undefined) {
          if (reserved) this.#admission.release();
          return;
        }
        metadata = parts.headers;
      } catch (error) {
        failed = RpcError.from(error);
      }
    }
    const left = envelope.timeLeft;
    const deadline = left === NO_DEADLINE ? Number.POSITIVE_INFINITY : performance.now() + left;
    const oneway = (flags & Flag.ONEWAY) !== 0;
    const call = new CallInProgress(
      callId,
      route,
      this.#channel,
      this.#shown,
      deadline,
      !this.#mute && (flags & Flag.CONFIRM) !== 0,
      oneway,
      this.#channel.link.takeHandles(),
      metadata,
    );
    if (failed !== undefined || (route.streams && this.#channel.remote === undefined)) {
      if (reserved) this.#admission.release();
      this.#fail(call, failed === undefined ? noStreamsHere(call) : unwelcome(call, failed));
      return;
    }
    let request: unknown;
    try {
      request = route.streamsRequests
        ? receiveRequests(this.#channel, call)
        : decodeRequest(call, span, span.start + ENVELOPE_BYTES + envelope.headersLength);
    } catch (error) {
      if (reserved) this.#admission.release();
      this.#fail(call, undecodable(call, error));
      return;
    }
    if (left === 0) {
      if (reserved) this.#admission.release();
      this.#fail(call, expired(call));
    } else if (reserved || (!this.#options.draining() && this.#admission.tryTake())) {
      this.#run(call, request);
    } else if ((flags & Flag.RESERVED) !== 0) {
      this.#fail(call, noHandlerReady(call.path));
    } else {
      this.#queue(call, request, left);
    }
  }

  /** `left`: as the envelope says. */
  #queue(call: CallInProgress, request: unknown, left: number): void {
    if (this.#options.draining()) {
      this.#fail(call, draining(call));
      return;
    }
    // The caller has a policy for each phase, and minds the first one; what came with the call is the reply's.
    const apart = call.confirm && !call.oneway && left !== NO_DEADLINE;
    if (apart) call.deadline = Number.POSITIVE_INFINITY;
    const start = (): void => {
      call.withdraw = undefined;
      this.#pending.delete(call.id);
      if (apart) call.deadline = performance.now() + left;
      else if (call.deadline <= performance.now()) {
        this.#admission.release();
        this.#fail(call, expired(call));
        return;
      }
      this.#run(call, request);
    };
    if (this.#admission.tryQueue(start)) {
      call.withdraw = () => this.#admission.withdraw(start);
      this.#await(call);
    } else {
      this.#fail(call, overloaded(call));
    }
  }

  /** Runs the handler; holds a slot until it is done. */
  #run(call: CallInProgress, request: unknown): void {
    call.taken = true;
    call.working = true;
    if (call.confirm) this.#channel.sendLater(Kind.TAKEN, 0, call.id, 0);
    if (call.route.streams) {
      this.#runStreaming(call, request);
      return;
    }
    let result: unknown;
    let later: boolean;
    try {
      result = runFor(call, call.route.run, request);
      later = typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function';
    } catch (error) {
      call.over = true;
      this.#admission.release();
      call.working = false;
      this.#failedToHandle(call, error);
      return;
    }
    if (!later) {
      call.over = true;
      this.#admission.release();
      call.working = false;
      call.closeReceived();
      this.#reply(call, result);
      return;
    }
    this.#await(call);
    this.#channel.yieldDue = true;
    // Not every thenable keeps to the rules of promises: to settle once, and never to throw.
    Promise.resolve(result).then(
      (reply) => this.#handled(call, reply),
      (error: unknown) => this.#notHandled(call, error),
    );
  }

  #runStreaming(call: CallInProgress, request: unknown): void {
    // What follows the request must find the call, whatever its handler does.
    this.#await(call);
    runStreaming(this.#channel, call, request, {
      done: (reply) => this.#handled(call, reply),
      failed: (thrown) => this.#notHandled(call, thrown),
      onError: (thrown) => this.#options.onError(handlerFailed(thrown)),
    });
  }

  #handled(call: CallInProgress, reply: unknown): void {
    call.over = true;
    this.#admission.release();
    call.working = false;
    if (!this.#done(call)) {
      this.#dropReply(call, reply);
      return;
    }
    call.closeReceived();
    this.#reply(call, reply);
    this.#channel.queueFlush();
  }

  #notHandled(call: CallInProgress, thrown: unknown): void {
    call.over = true;
    this.#admission.release();
    call.working = false;
    if (this.#done(call)) this.#failedToHandle(call, thrown);
    else call.closeInFields();
  }

  /** More of a call that streams. What comes after its end concerns nobody. */
  #streamed(envelope: Envelope, span: Span): void {
    const call = this.#pending.get(envelope.callId);
    if (call === undefined) return;
    this.#channel.yieldDue = true;
    try {
      heedStream(this.#channel, call, envelope, span);
    } catch (error) {
      this.#pending.delete(call.id);
      const failure = undecodable(call, error);
      this.#fail(call, failure);
      call.stop(failure);
    }
  }

  #await(call: CallInProgress): void {
    this.#pending.set(call.id, call);
    if (call.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(call.deadline);
  }

  /** Takes the call off the table; false when nobody wants its reply. */
  #done(call: CallInProgress): boolean {
    if (!call.wanted) return false;
    this.#pending.delete(call.id);
    return true;
  }

  #reply(call: CallInProgress, reply: unknown): void {
    if (call.oneway) {
      this.#dropReply(call, reply);
      return;
    }
    const { outbox } = this.#channel;
    if (outbox.length === 0 && this.#tryReply(call, reply)) return;
    let bytes: number;
    try {
      bytes = this.#channel.measure(replyType(call), reply as object) + (call.replyBlock?.length ?? 0);
    } catch (error) {
      this.#dropReply(call, reply);
      this.#fail(call, badReply(call, error));
      return;
    }
    outbox.add({ bytes, answer: true, attempt: () => this.#tryReply(call, reply) });
  }

  /** False when the link is full now. */
  #tryReply(call: CallInProgress, reply: unknown): boolean {
    const channel = this.#channel;
    if (channel.ended) {
      this.#dropReply(call, reply);
      call.closeHandles();
      return true;
    }
    const { given } = call;
    const type = replyType(call);
    try {
      const { id, replyBlock } = call;
      if (!channel.trySend(Kind.REPLY, 0, 0, id, 0, NO_DEADLINE, type, reply as object, given, replyBlock))
        return false;
      call.closeInFields();
      return true;
    } catch (error) {
      this.#dropReply(call, reply);
      if (channel.ended) call.closeHandles();
      else this.#fail(call, badReply(call, error));
      return true;
    }
  }

  /** Closes the handles in a reply that is not sent, and those that it could have given on. */
  #dropReply(call: CallInProgress, reply: unknown): void {
    if (call.route.handlesBack && !call.route.streamsReplies) closeUnsent(call.route.method.response, reply);
    call.closeInFields();
  }

  /** `causes`: what led to the error is for the caller, too. */
  #fail(call: CallInProgress, error: RpcError, causes = false): void {
    call.closeHandles();
    // Who blocks until a handler has a one-way call waits for a word of it until then.
    if (call.oneway && (call.taken || !call.confirm)) this.#options.onError(error);
    else {
      if (error.metadata !== undefined) this.#addTrailers(call, error.metadata);
      const flags = call.taken ? 0 : Flag.REFUSED;
      this.#channel.sendFailure(call.id, error, call.replyBlock, causes, flags);
    }
  }

  #addTrailers(call: CallInProgress, metadata: MetadataView): void {
    try {
      for (const [key, value] of metadata) call.trailers.append(key, value);
    } catch (error) {
      // What the handler threw is answered all the same.
      this.#options.onError(RpcError.from(error, 'INTERNAL'));
    }
  }

  /** An RpcError is the handler's answer; anything else is its fault, whose stack only this side may see. */
  #failedToHandle(call: CallInProgress, thrown: unknown): void {
    // Who gives up as its deadline passes may say that it was cancelled before this side has said why.
    const gaveUp = RpcError.is(thrown) && thrown.code === 'CANCELLED' && call.deadline <= performance.now();
    const error = gaveUp ? expired(call) : handlerFailed(thrown);
    if (!RpcError.is(thrown) && !call.oneway) this.#options.onError(error);
    this.#fail(call, error, RpcError.is(thrown));
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
    this.#deadlines.add(until);
    this.#channel.sendLater(Kind.READY, 0, callId, 0);
  }

  #cancel(callId: number): void {
    this.#reservations.release(callId);
    const call = this.#pending.get(callId);
    if (call === undefined) return;
    this.#pending.delete(callId);
    // The caller's clock may be a little ahead: it has given up since there is no time left.
    if (call.deadline <= performance.now()) call.stop(expired(call));
    else
      call.stop(
        new RpcError('CANCELLED', `${call.path}: cancelled by the caller`, { reason: Reason.ABORTED_BY_CALLER }),
      );
  }

  #sweep(now: number): number {
    let next = this.#reservations.sweep(now);
    for (const call of this.#pending.values()) {
      if (call.deadline > now) {
        next = Math.min(next, call.deadline);
        continue;
      }
      this.#pending.delete(call.id);
      const error = expired(call);
      this.#fail(call, error);
      call.stop(error);
    }
    return next;
  }
}

function decodeRequest(call: CallInProgress, span: Span, start: number): unknown {
  const { request } = call.route.method;
  if (!call.route.handlesCome) return request.decode(span.bytes, start, span.end);
  const came = call.takeHandles();
  // Until its fields are known, and when they can't be read, all are the call's to close.
  call.received = came;
  const { message, inFields, beside } = decodeReceived(request, span.bytes, start, span.end, came);
  call.received = beside;
  call.keepInFields(inFields);
  return message;
}

/** Of what goes with the REPLY itself: a stream's messages have gone before. */
function replyType({ route }: CallInProgress): MessageType<unknown> {
  return route.streamsReplies ? (EMPTY_PAYLOAD as MessageType<unknown>) : route.method.response;
}
