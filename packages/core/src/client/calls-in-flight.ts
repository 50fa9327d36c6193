import {
  type Channel,
  closeAll,
  Deadlines,
  decodeFailure,
  decodeReceived,
  ENVELOPE_BYTES,
  type Envelope,
  Flag,
  Kind,
  type MetadataParts,
  NO_HANDLES,
  NO_METADATA,
} from '../channel/index.js';
import { type MetadataView, Reason, RpcError } from '../errors/index.js';
import type { LinkEnd, Span } from '../transport/contract.js';
import type { CallInFlight } from './call-in-flight.js';
import { heedStream } from './call-streams.js';
import { CallTable } from './call-table.js';
import { channelError, expiry, lateEnd } from './failures.js';

/** Counts of one client since it was made. */
export interface ClientStats {
  readonly inFlight: number;
  /** Replies that came after their call had ended (by deadline or abort), and were dropped. */
  readonly lateReplies: number;
  /** Messages of streams that came after their call had ended, and were dropped. */
  readonly lateItems: number;
}

/** The calls of one client that wait for something, by id. */
export class CallsInFlight {
  readonly #calls: CallTable;
  readonly #deadlines = new Deadlines((now) => this.#sweep(now));
  readonly #onBusy: (busy: boolean) => void;
  #lateReplies = 0;
  #lateItems = 0;

  /** `onBusy` hears when the first call begins and when the last has ended. `ids`: the first and the last. */
  constructor(onBusy: (busy: boolean) => void, ids?: readonly [first: number, last: number]) {
    this.#calls = new CallTable(...(ids ?? []));
    this.#onBusy = onBusy;
  }

  get stats(): ClientStats {
    return { inFlight: this.#calls.size, lateReplies: this.#lateReplies, lateItems: this.#lateItems };
  }

  /** Gives the call an id that no other call in flight has. */
  add(call: CallInFlight): void {
    this.#calls.add(call);
    if (this.#calls.size === 1) this.#onBusy(true);
  }

  /** Minds the call's deadline from the event loop; a blocking caller minds its own. */
  watch(call: CallInFlight): void {
    if (!call.blocking && call.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.add(call.deadline);
  }

  remove(call: CallInFlight): void {
    if (!this.#calls.delete(call)) return;
    const { channel } = call;
    if (channel !== undefined) {
      channel.callsOut--;
      channel.link.forget?.(call.id);
    }
    if (this.#calls.size === 0) this.#onBusy(false);
  }

  onReply(envelope: Envelope, span: Span): void {
    const call = this.#calls.get(envelope.callId);
    if (call?.channel !== undefined) call.channel.yieldDue = !call.blocking;
    if (call === undefined) {
      if (envelope.kind === Kind.REPLY) this.#lateReplies++;
      else if (envelope.kind === Kind.REPLY_ITEM) this.#lateItems++;
      return;
    }
    if (envelope.kind >= Kind.REQUEST_ITEM && envelope.kind !== Kind.HEADERS) {
      heedStream(this, call, envelope, span);
      return;
    }
    if (envelope.headersLength !== 0 || call.meta !== undefined || envelope.kind === Kind.HEADERS) {
      this.#withMetadata(call, envelope, span);
      return;
    }
    this.#answered(call, envelope, span, undefined);
  }

  /** `trailers`: undefined for none. */
  #answered(call: CallInFlight, envelope: Envelope, span: Span, trailers: MetadataView | undefined): void {
    const start = span.start + ENVELOPE_BYTES + envelope.headersLength;
    if (envelope.kind === Kind.TAKEN) this.#taken(call);
    else if (envelope.status !== 0) {
      if ((envelope.flags & Flag.REFUSED) !== 0) call.fate = 'refused';
      this.#lost(call, lateEnd(call, decodeFailure(envelope.status, span.bytes, start, span.end, 'call', trailers)));
    } else if (envelope.kind === Kind.READY) this.#ready(call);
    else this.#replied(call, span, start);
  }

  #withMetadata(call: CallInFlight, envelope: Envelope, span: Span): void {
    const { kind } = envelope;
    let trailers: MetadataView | undefined;
    try {
      const parts = envelope.headersLength === 0 ? NO_METADATA : call.channel?.readMetadata(envelope, span);
      if (parts === undefined || call.settled) return;
      if (kind === Kind.REPLY && envelope.status !== 0) {
        this.#failedWithMetadata(call, envelope, span, parts);
        return;
      }
      if (kind === Kind.HEADERS || kind === Kind.REPLY) call.meta?.heard(parts, kind === Kind.REPLY, call.blocking);
      if (parts.trailers.size > 0) trailers = parts.trailers;
    } catch (thrown) {
      this.#refuse(call, kind, RpcError.from(thrown));
      return;
    }
    if (kind !== Kind.HEADERS) this.#answered(call, envelope, span, trailers);
  }

  /** The caller hears of what came with a failure only when no further attempt is made. */
  #failedWithMetadata(call: CallInFlight, envelope: Envelope, span: Span, parts: MetadataParts): void {
    if ((envelope.flags & Flag.REFUSED) !== 0) call.fate = 'refused';
    const start = span.start + ENVELOPE_BYTES + envelope.headersLength;
    const trailers = parts.trailers.size > 0 ? parts.trailers : undefined;
    const error = lateEnd(call, decodeFailure(envelope.status, span.bytes, start, span.end, 'call', trailers));
    this.remove(call);
    if (call.onFailed?.(call, error) === true) return;
    call.meta?.heard(parts, true, call.blocking);
    call.fail(error);
  }

  /** The caller does not take what came. */
  #refuse(call: CallInFlight, kind: number, error: RpcError): void {
    const { path } = call.stub;
    const { code, reason, message } = error;
    const told = message.startsWith(path) ? error : new RpcError(code, `${path}: ${message}`, { reason, cause: error });
    if (kind === Kind.REPLY) this.#end(call, told);
    else this.cancel(call, told);
  }

  /** Ends the calls that were on a channel which has ended, as far as they can't be made again on another. */
  failOn(channel: Channel, end: LinkEnd): void {
    // Who closes in good order has answered all that was begun.
    const unbegun = end.orderly && end.by === 'peer' && channel.remote !== undefined;
    for (const call of this.#calls.values()) {
      if (call.channel !== channel) continue;
      // Who blocks for a one-way call waits for a word that a handler has it.
      const waits = call.stage === 'replying' && (call.blocking || !call.stub.method.oneway);
      if (unbegun && waits) call.fate = 'refused';
      this.#lost(call, channelError(call, end.error));
    }
  }

  /** Ends one call whose callee has gone, on a channel that lives on. */
  lose(channel: unknown, callId: number, error: RpcError): void {
    const call = this.#calls.get(callId);
    if (call?.channel === channel && call !== undefined) this.#lost(call, channelError(call, error));
  }

  /** Ends all calls, or those that are `meant`. */
  failAll(makeError: (call: CallInFlight) => RpcError, meant?: (call: CallInFlight) => boolean): void {
    for (const call of this.#calls.values()) {
      if (meant === undefined) this.#end(call, makeError(call));
      // The channel lives on: its other end must hear that these are over.
      else if (meant(call)) this.cancel(call, makeError(call));
    }
    if (meant === undefined) this.#deadlines.stop();
  }

  /** Ends a call early; the callee, if it may have it, is told to stop. */
  cancel(call: CallInFlight, error: RpcError): void {
    if (call.settled) return;
    // Who gives up does not want what has come and was not read either.
    call.incoming?.discard();
    this.#tellCallee(call, error);
    this.#end(call, error.reason === Reason.ABORTED_BY_CALLER ? lateEnd(call, error) : error);
  }

  #tellCallee(call: CallInFlight, error: RpcError): void {
    if (!call.begunThere || call.channel?.link.direction !== 'duplex') return;
    // The callee's own clock, which it set when it had the request, is always a little behind.
    const status = error.reason === Reason.DEADLINE ? error.status : 0;
    call.channel.sendLater(Kind.CANCEL, status, call.id, 0);
  }

  /** An attempt can't go on; the callee, if it may have something of it, is told to stop. */
  failed(call: CallInFlight, error: RpcError): void {
    if (call.settled) return;
    this.#tellCallee(call, error);
    this.#lost(call, error);
  }

  expire(call: CallInFlight): void {
    this.cancel(call, expiry(call));
  }

  #replied(call: CallInFlight, span: Span, start: number): void {
    this.remove(call);
    try {
      if (call.incoming === undefined && call.stub.handlesBack) {
        call.succeed(replyWithHandles(call, span, start));
        return;
      }
      const reply =
        call.incoming === undefined ? call.stub.method.response.decode(span.bytes, start, span.end) : undefined;
      // What is not taken here is closed with the message.
      if (call.handlesInto !== undefined) call.handlesInto.push(...(call.channel?.link.takeHandles() ?? NO_HANDLES));
      call.succeed(reply);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const words = `${call.stub.path}: the reply can't be decoded: ${detail}`;
      call.fail(new RpcError('INTERNAL', words, { reason: Reason.UNDECODABLE, cause: error }));
    }
  }

  #taken(call: CallInFlight): void {
    if (call.stub.method.oneway) {
      this.remove(call);
      call.succeed(undefined);
      return;
    }
    call.taken(performance.now());
    this.watch(call);
  }

  #ready(call: CallInFlight): void {
    if (call.stage !== 'asking') return;
    call.taken(performance.now());
    this.watch(call);
    call.stage = 'sending';
    call.onReady?.(call);
  }

  #lost(call: CallInFlight, error: RpcError): void {
    this.remove(call);
    if (call.onFailed?.(call, error) !== true) call.fail(error);
  }

  #end(call: CallInFlight, error: RpcError): void {
    this.remove(call);
    call.fail(error);
  }

  #sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values()) {
      if (call.deadline <= now) this.expire(call);
      else if (call.deadline < next) next = call.deadline;
    }
    return next;
  }
}

/** The reply's handles are the caller's, beside it if it asked for those. */
function replyWithHandles(call: CallInFlight, span: Span, start: number): unknown {
  const came = call.channel?.link.takeHandles() ?? NO_HANDLES;
  try {
    const { message, beside } = decodeReceived(call.stub.method.response, span.bytes, start, span.end, came);
    if (call.handlesInto === undefined) closeAll(beside);
    else call.handlesInto.push(...beside);
    return message;
  } catch (error) {
    closeAll(came);
    throw error;
  }
}
