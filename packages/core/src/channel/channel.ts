import { Reason, RpcError } from '../errors/index.js';
import type { LinkEnd, Span } from '../transport/contract.js';
import { ENVELOPE_BYTES, type Envelope, emptyEnvelope, Flag, Kind, NO_DEADLINE, readEnvelope } from './envelope.js';
import { decodeFailure, encodeFailure } from './failure-payload.js';
import { Life } from './life.js';
import { decodeMetadata, type MetadataParts, metadataTooLarge } from './metadata-block.js';
import { RAW_PAYLOAD } from './payloads.js';
import { envelopeError, violation } from './problems.js';
import { Sending, type SendingOptions } from './sending.js';
import type { ReplySink, RequestSink } from './sinks.js';

export interface ChannelOptions extends SendingOptions {
  /**
   * Messages may come from anybody, or in pieces: one that can't be read is dropped, and told to `onStray`. Otherwise
   * it ends the channel. @default false
   */
  readonly shared?: boolean;
}

/** A link that moves calls: envelopes out, envelopes in, each to whom it concerns. */
export class Channel extends Sending {
  /** Hears of the end after the sinks have. */
  readonly life = new Life();
  replies: ReplySink | undefined;
  requests: RequestSink | undefined;
  /** Hears of messages of a shared link that could not be read. Must not throw. */
  onStray: ((error: RpcError) => void) | undefined;
  /** Messages may come from anybody: one that can't be read is dropped. */
  readonly shared: boolean;
  readonly #envelope: Envelope = emptyEnvelope();
  /** Something was handled that goes on in a microtask: the receive loop had better let it run before it polls. */
  yieldDue = false;
  /** The callee takes no more calls: none is to be made over this channel. */
  calleeLeaves = false;
  /** The caller has been told so, and has said that it makes no more. */
  callerLeft = false;
  /** What the peer said when it left, which is better than what the link can tell. */
  #farewell: RpcError | undefined;
  #told = false;

  constructor(options: ChannelOptions) {
    super(options);
    this.shared = options.shared ?? false;
  }

  /**
   * The metadata of a message that is being handled. Undefined when it can't be read, which then has been dealt with.
   * Throws RESOURCE_EXHAUSTED when it is over the limit.
   */
  readMetadata(envelope: Envelope, span: Span): MetadataParts | undefined {
    const bytes = envelope.headersLength;
    if (bytes > this.maxMetadataBytes) throw metadataTooLarge(bytes, this.maxMetadataBytes);
    const start = span.start + ENVELOPE_BYTES;
    try {
      return decodeMetadata(span.bytes, start, start + bytes, this.link.peer.address);
    } catch (error) {
      this.#unreadable(RpcError.from(error, 'INTERNAL'));
      return undefined;
    }
  }

  /** Takes one received message to whom it concerns. Never throws; a message that can't be read ends the channel. */
  handle(span: Span): void {
    // What still comes while the link closes, after a peer that broke the protocol, concerns nobody.
    if (this.over) return;
    const envelope = this.#envelope;
    const problem = readEnvelope(span, envelope);
    if (problem !== undefined) {
      this.#unreadable(envelopeError(problem, envelope, this.link.peer.address));
      return;
    }
    if ((envelope.flags & Flag.REFERENCES) === 0) this.#dispatch(envelope, span);
    else this.#handleReferring(envelope, span);
  }

  /** A message that refers to what the peer lends: for as long as it is decoded, its references are known. */
  #handleReferring(envelope: Envelope, span: Span): void {
    try {
      this.loans.borrowing(span, envelope.payloadLength, (message) => this.#dispatch(envelope, message));
    } catch (error) {
      this.#unreadable(RpcError.from(error, 'INTERNAL', { failed: 'channel' }));
    }
  }

  #dispatch(envelope: Envelope, span: Span): void {
    switch (envelope.kind) {
      case Kind.REQUEST:
      case Kind.PROBE:
      case Kind.CANCEL:
      case Kind.REQUEST_ITEM:
      case Kind.REQUEST_END:
      case Kind.REPLY_CREDIT:
        if (this.requests === undefined)
          this.#unreadable(violation('a call, though this side serves nothing', this.link.peer.address));
        else if (!this.#crowded || !this.#refuses(envelope)) this.requests.onRequest(envelope, span);
        return;
      case Kind.REPLY:
      case Kind.HEADERS:
      case Kind.READY:
      case Kind.TAKEN:
      case Kind.REPLY_ITEM:
      case Kind.REQUEST_CREDIT:
        if (this.replies === undefined)
          this.#unreadable(violation('a reply, though this side called nothing', this.link.peer.address));
        else this.replies.onReply(envelope, span);
        return;
      case Kind.GOODBYE:
        if (this.shared) return;
        this.#farewell = decodeFailure(envelope.status, span.bytes, span.start + ENVELOPE_BYTES, span.end, 'channel');
        return;
      case Kind.GO_AWAY:
        if (this.replies === undefined)
          this.#unreadable(violation('to take no more calls, though this side called nothing', this.link.peer.address));
        else this.#goAway();
        return;
      case Kind.GOING:
        if (this.requests === undefined)
          this.#unreadable(violation('to make no more calls, though this side serves nothing', this.link.peer.address));
        this.callerLeft = true;
        return;
      case Kind.HELLO:
        this.#unreadable(violation('a greeting where none is expected', this.link.peer.address));
        return;
      default:
        this.#unreadable(violation(`a message of unknown kind ${envelope.kind}`, this.link.peer.address));
    }
  }

  /** As many answers wait for room as this side keeps. */
  get #crowded(): boolean {
    return this.outbox.answers >= MOST_ANSWERS || this.outbox.answerBytes >= MOST_ANSWER_BYTES;
  }

  #goAway(): void {
    if (this.calleeLeaves) return;
    this.calleeLeaves = true;
    // Behind the requests that wait for room, which are still taken.
    this.sendLater(Kind.GOING, 0, 0, 0);
    this.replies?.onGoAway?.();
  }

  /**
   * A side that calls must read, or two that wait for room would wait for each other; so a side that serves as well can't
   * slow down a peer that does not take its answers by not reading on. It refuses what would need more of them.
   */
  #refuses({ kind, flags, callId }: Envelope): boolean {
    if (this.replies === undefined || (flags & Flag.ONEWAY) !== 0) return false;
    if (kind !== Kind.REQUEST && kind !== Kind.PROBE) return false;
    const { answers, answerBytes } = this.outbox;
    const words = `${answers} answers (${answerBytes} bytes) wait already for ${this.link.peer.address} to take them`;
    const options = { reason: Reason.OVERLOADED } as const;
    if (answers < 2 * MOST_ANSWERS) this.sendFailure(callId, new RpcError('RESOURCE_EXHAUSTED', words, options));
    else this.fail(new RpcError('RESOURCE_EXHAUSTED', words, { ...options, failed: 'channel' }));
    return true;
  }

  #unreadable(error: RpcError): void {
    if (this.shared) this.onStray?.(error);
    else this.fail(error);
  }

  /** Ends the channel because of what the peer sent: says so to the peer as far as it still listens, then drops the link. */
  fail(error: RpcError): void {
    if (this.over) return;
    this.over = true;
    this.#trySendLast(encodeFailure(error, this.maxPayloadBytes), error.status);
    // An orderly close delivers the goodbye; the calls here end at once all the same.
    this.#tellEnd({ by: 'fault', orderly: false, error });
    void this.link.close();
  }

  /** As `fail`: the peer sent what the protocol forbids, in words. */
  violated(what: string): void {
    this.fail(violation(what, this.link.peer.address));
  }

  /** To be called when the link has ended and is drained. Idempotent. */
  linkEnded(): void {
    const end = this.link.end;
    if (end === undefined) return;
    this.over = true;
    this.#tellEnd(this.#farewell === undefined ? end : { ...end, error: this.#farewell });
  }

  #tellEnd(end: LinkEnd): void {
    if (this.#told) return;
    this.#told = true;
    this.replies?.onEnd(end);
    this.requests?.onEnd(end);
    this.life.end(end, this.link.peer);
  }

  /** The last message: why this side is about to close, for who was greeted. Waits for room if it must. */
  sayGoodbye(error: RpcError): void {
    if (this.remote === undefined) return;
    this.sendLater(Kind.GOODBYE, error.status, 0, 0, encodeFailure(error, this.maxPayloadBytes));
  }

  /** Has whoever calls over this channel, and `hears` it, go elsewhere with his next call. */
  sendGoAway(why: RpcError): void {
    this.sendLater(Kind.GO_AWAY, why.status, 0, 0, encodeFailure(why, this.maxPayloadBytes));
  }

  #trySendLast(payload: Buffer, status: number): void {
    try {
      this.trySend(Kind.GOODBYE, 0, status, 0, 0, NO_DEADLINE, RAW_PAYLOAD, payload);
    } catch {
      // The link has ended by itself.
    }
  }
}

/** Answers that may wait for room where both sides call, before more calls are refused; twice as many end the channel. */
const MOST_ANSWERS = 16_384;
/** Bytes of them, before more calls are refused; those of calls that were taken before may still be added. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
