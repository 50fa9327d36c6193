import type { MessageInit, MessageType } from '../codec/contract.js';
import { handleFields } from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Deadline, Handle, Link, LinkEnd, Span } from '../transport/contract.js';
import {
  addHeaders,
  ENVELOPE_BYTES,
  type Envelope,
  emptyEnvelope,
  Flag,
  Kind,
  NO_DEADLINE,
  readEnvelope,
  sealEnvelope,
  writeEnvelope,
} from './envelope.js';
import { decodeFailure, encodeFailure } from './failure-payload.js';
import { Gathered } from './handle-fields.js';
import { type Hello, windowOf } from './hello.js';
import { Life } from './life.js';
import { Loans, withTable } from './loans.js';
import { CallerLink } from './lossy/caller-link.js';
import { DEFAULT_METADATA_BYTES, decodeMetadata, type MetadataParts, metadataTooLarge } from './metadata-block.js';
import { Outbox } from './outbox.js';
import { RAW_PAYLOAD } from './payloads.js';
import { envelopeError, violation } from './problems.js';
import type { StreamWindow } from './stream/window.js';

/** What takes messages that answer this side's calls. */
export interface ReplySink {
  /** REPLY, HEADERS, READY, TAKEN, REPLY_ITEM or REQUEST_CREDIT. The span is valid during the call only. Must not throw. */
  onReply(envelope: Envelope, span: Span): void;
  /** The channel has ended; nothing more will come. Called once. */
  onEnd(end: LinkEnd): void;
}

/** What takes the peer's calls. */
export interface RequestSink {
  /** REQUEST, PROBE, CANCEL, REQUEST_ITEM, REQUEST_END or REPLY_CREDIT. The span is valid during the call only. Must not throw. */
  onRequest(envelope: Envelope, span: Span): void;
  onEnd(end: LinkEnd): void;
}

export interface ChannelOptions {
  readonly link: Link;
  /** What both sides said in their greetings; absent where none are exchanged. */
  readonly local?: Hello;
  readonly remote?: Hello;
  /** Send and expect checksums. */
  readonly checksum: boolean;
  /**
   * Messages may come from anybody, or in pieces: one that can't be read is dropped, and told to `onStray`. Otherwise
   * it ends the channel. @default false
   */
  readonly shared?: boolean;
  /** Bytes of metadata that this side sends and takes with one message; 0: the link has no room for any. @default 8192 */
  readonly maxMetadataBytes?: number | undefined;
}

/** A link that moves calls: envelopes out, envelopes in, each to whom it concerns. */
export class Channel {
  readonly link: Link;
  /** The peer's greeting; undefined where none are exchanged. */
  readonly remote: Hello | undefined;
  /** How much of each stream this side takes unread, and the peer. */
  readonly window: StreamWindow;
  readonly remoteWindow: StreamWindow;
  readonly outbox: Outbox;
  /** Hears of the end after the sinks have. */
  readonly life = new Life();
  /** Memory that messages refer to. */
  readonly loans: Loans;
  replies: ReplySink | undefined;
  requests: RequestSink | undefined;
  /** Hears of messages of a shared link that could not be read. Must not throw. */
  onStray: ((error: RpcError) => void) | undefined;
  /** Bytes of the largest payload that both sides take. */
  readonly maxPayloadBytes: number;
  /** Bytes of the largest metadata block that both sides take. */
  readonly maxMetadataBytes: number;
  readonly #flags: number;
  readonly #shared: boolean;
  readonly #envelope: Envelope = emptyEnvelope();
  /** Something was handled that goes on in a microtask: the receive loop had better let it run before it polls. */
  yieldDue = false;
  /** Of the next message, for mailboxes; each message that is sent sets them back. */
  urgent = false;
  expires: Deadline = Number.POSITIVE_INFINITY;
  /** Bytes of the payload that was sent last. */
  sentBytes = 0;
  /** This side's calls over it: those that have not ended, and all. */
  callsOut = 0;
  callsBegun = 0;
  #flushQueued = false;
  /** What the peer said when it left, which is better than what the link can tell. */
  #farewell: RpcError | undefined;
  #ended = false;
  /** The link takes nothing more, though what came before may still be in it. */
  #mute = false;

  constructor(options: ChannelOptions) {
    this.link = options.link;
    this.remote = options.remote;
    this.window = windowOf(options.local);
    this.remoteWindow = windowOf(options.remote);
    this.#shared = options.shared ?? false;
    this.loans = new Loans(options.link);
    this.outbox = new Outbox(options.link);
    this.#flags = options.checksum ? Flag.CHECKSUM : 0;
    this.maxPayloadBytes =
      Math.min(
        options.link.maxMessageBytes,
        options.local?.maxMessageBytes ?? Number.POSITIVE_INFINITY,
        options.remote?.maxMessageBytes ?? Number.POSITIVE_INFINITY,
      ) - ENVELOPE_BYTES;
    const own = options.maxMetadataBytes ?? DEFAULT_METADATA_BYTES;
    this.maxMetadataBytes = Math.min(own, options.remote?.maxMetadataBytes ?? own);
  }

  /** True once the channel has ended: nothing can be sent. */
  get ended(): boolean {
    return this.#ended || this.#mute || this.link.end !== undefined;
  }

  /**
   * Encodes a message straight into the link. False when the link is full now. Throws RpcError when the message is too
   * large or can't be encoded (nothing is sent), or when the link has ended. `handles` become the link's when it is sent.
   * `headers` is a metadata block.
   */
  trySend<T>(
    kind: number,
    flags: number,
    status: number,
    callId: number,
    methodId: number,
    timeLeft: number,
    type: MessageType<T>,
    message: MessageInit<T>,
    handles?: readonly Handle[],
    headers?: Uint8Array,
  ): boolean {
    if (this.loans.lends)
      return this.#trySendLending(kind, flags, status, callId, methodId, timeLeft, type, message, handles, headers);
    const size = type.size(message);
    if (handleFields.met)
      return this.#trySendCarrying(kind, flags, status, callId, methodId, timeLeft, type, message, handles, headers);
    const extra = headers === undefined ? 0 : headers.length;
    if (extra !== 0) this.checkHeaders(extra);
    const length = ENVELOPE_BYTES + extra + size;
    if (size + extra > this.maxPayloadBytes) throw this.#tooLarge(size, extra);
    const span = this.#claim(length);
    if (span === null) return false;
    const { start, view, bytes } = span;
    if (this.link.mark !== undefined) this.#mark(kind, flags, callId);
    const allFlags = flags | this.#flags;
    writeEnvelope(view, start, kind, allFlags, status, size, callId, methodId, timeLeft);
    if (extra !== 0) {
      addHeaders(view, start, extra);
      bytes.set(headers as Uint8Array, start + ENVELOPE_BYTES);
    }
    try {
      type.encode(message, bytes, start + ENVELOPE_BYTES + extra);
    } catch (error) {
      this.link.abandon();
      throw error;
    }
    if (allFlags !== flags) sealEnvelope(bytes, view, start, start + length);
    if (handles === undefined) this.link.commit(length);
    else this.#commitWith(length, handles);
    if (kind === Kind.REPLY) this.link.forget?.(callId);
    this.sentBytes = size;
    return true;
  }

  /** Throws when a metadata block of that size can't be sent. */
  checkHeaders(bytes: number): void {
    if (bytes <= this.maxMetadataBytes) return;
    if (this.maxMetadataBytes > 0) throw metadataTooLarge(bytes, this.maxMetadataBytes);
    const words = `the link to ${this.link.peer.address} carries no metadata: it has room for a method and 32 bits only`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }

  /** Bytes of room in the link that a message needs, for waiting. */
  measure<T>(type: MessageType<T>, message: MessageInit<T>): number {
    const bytes = this.loans.lends
      ? this.loans.lending((lender) => ENVELOPE_BYTES + type.size(message) + lender.bytes)
      : ENVELOPE_BYTES + type.size(message);
    handleFields.met = false;
    return bytes;
  }

  /** As trySend, of a message that may refer to memory that was allocated here. */
  #trySendLending<T>(
    kind: number,
    flags: number,
    status: number,
    callId: number,
    methodId: number,
    timeLeft: number,
    type: MessageType<T>,
    message: MessageInit<T>,
    handles?: readonly Handle[],
    headers?: Uint8Array,
  ): boolean {
    return this.loans.lending((lender) => {
      const sent = withTable(type, message, lender);
      const allFlags = sent === type ? flags : flags | Flag.REFERENCES;
      return this.trySend(kind, allFlags, status, callId, methodId, timeLeft, sent, message, handles, headers);
    });
  }

  /** As trySend, of a message with handles in its fields. */
  #trySendCarrying<T>(
    kind: number,
    flags: number,
    status: number,
    callId: number,
    methodId: number,
    timeLeft: number,
    type: MessageType<T>,
    message: MessageInit<T>,
    handles?: readonly Handle[],
    headers?: Uint8Array,
  ): boolean {
    const gathered = new Gathered();
    handleFields.met = false;
    return gathered.during(() => {
      type.size(message);
      const all = handles === undefined ? gathered.handles : [...gathered.handles, ...handles];
      gathered.complete();
      try {
        return this.trySend(
          kind,
          flags,
          status,
          callId,
          methodId,
          timeLeft,
          type,
          message,
          all.length === 0 ? undefined : all,
          headers,
        );
      } catch (error) {
        throw gathered.refused(error);
      }
    });
  }

  #commitWith(length: number, handles: readonly Handle[]): void {
    try {
      this.link.commit(length, handles);
    } catch (error) {
      this.link.abandon();
      throw error;
    }
  }

  /** Tells a mailbox what it may use to deliver a message. */
  #mark(kind: number, flags: number, callId: number): void {
    const unanswered = (flags & (Flag.ONEWAY | Flag.CONFIRM)) === Flag.ONEWAY;
    this.link.mark?.(unanswered ? 0 : callId, this.urgent, this.expires, kind === Kind.CANCEL);
    this.urgent = false;
    this.expires = Number.POSITIVE_INFINITY;
  }

  /** The size is within the limit: when claiming throws, the link has ended, or is about to. */
  #claim(bytes: number): Span | null {
    try {
      return this.link.claim(bytes);
    } catch (error) {
      this.#mute = true;
      throw error;
    }
  }

  /** Sends a message without a payload worth the name, now or when there is room. Never throws. */
  sendLater(
    kind: number,
    status: number,
    callId: number,
    methodId: number,
    payload: Uint8Array = NO_BYTES,
    headers?: Uint8Array,
    flags = 0,
  ): void {
    const attempt = (): boolean => {
      if (this.ended) return true;
      try {
        return this.trySend(
          kind,
          flags,
          status,
          callId,
          methodId,
          NO_DEADLINE,
          RAW_PAYLOAD,
          payload,
          undefined,
          headers,
        );
      } catch (error) {
        if (this.ended) return true;
        throw error;
      }
    };
    if (kind === Kind.CANCEL && this.link instanceof CallerLink) this.link.giveUp(callId);
    const bytes = payload.length + (headers?.length ?? 0) + ENVELOPE_BYTES;
    const answer = kind === Kind.REPLY || kind === Kind.READY || kind === Kind.TAKEN;
    if (this.outbox.length > 0 || !attempt()) this.outbox.add({ bytes, answer, attempt });
    else this.queueFlush();
  }

  /**
   * Sends a failure as the answer to a call. Metadata for which there is no room, beside words that matter more, is left
   * out. `causes`: see `encodeFailure`. `flags`: REFUSED when no handler has had the call.
   */
  sendFailure(callId: number, error: RpcError, headers?: Uint8Array, causes = false, flags = 0): void {
    const extra = headers?.length ?? 0;
    const fits = extra <= this.maxMetadataBytes && 2 * extra <= this.maxPayloadBytes;
    const payload = encodeFailure(error, this.maxPayloadBytes - (fits ? extra : 0), causes);
    this.sendLater(Kind.REPLY, error.status, callId, 0, payload, fits ? headers : undefined, flags);
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

  /** Tells the link to send what it holds back, once per run of microtasks. */
  queueFlush(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      if (!this.ended) this.link.flush();
    });
  }

  /** Takes one received message to whom it concerns. Never throws; a message that can't be read ends the channel. */
  handle(span: Span): void {
    // What still comes while the link closes, after a peer that broke the protocol, concerns nobody.
    if (this.#ended) return;
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
        else if (this.outbox.answers < MOST_ANSWERS || !this.#refuses(envelope))
          this.requests.onRequest(envelope, span);
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
        if (this.#shared) return;
        this.#farewell = decodeFailure(envelope.status, span.bytes, span.start + ENVELOPE_BYTES, span.end, 'channel');
        return;
      case Kind.HELLO:
        this.#unreadable(violation('a greeting where none is expected', this.link.peer.address));
        return;
      default:
        this.#unreadable(violation(`a message of unknown kind ${envelope.kind}`, this.link.peer.address));
    }
  }

  /**
   * A side that calls must read, or two that wait for room would wait for each other; so a side that serves as well can't
   * slow down a peer that does not take its answers by not reading on. It refuses what would need more of them.
   */
  #refuses({ kind, flags, callId }: Envelope): boolean {
    if (this.replies === undefined || (flags & Flag.ONEWAY) !== 0) return false;
    if (kind !== Kind.REQUEST && kind !== Kind.PROBE) return false;
    const { answers } = this.outbox;
    const words = `${answers} answers wait already for ${this.link.peer.address} to take them`;
    const options = { reason: Reason.OVERLOADED } as const;
    if (answers < 2 * MOST_ANSWERS) this.sendFailure(callId, new RpcError('RESOURCE_EXHAUSTED', words, options));
    else this.fail(new RpcError('RESOURCE_EXHAUSTED', words, { ...options, failed: 'channel' }));
    return true;
  }

  #unreadable(error: RpcError): void {
    if (this.#shared) this.onStray?.(error);
    else this.fail(error);
  }

  /** Ends the channel because of what the peer sent: says so to the peer as far as it still listens, then drops the link. */
  fail(error: RpcError): void {
    if (this.#ended) return;
    this.#ended = true;
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
    this.#ended = true;
    this.#tellEnd(this.#farewell === undefined ? end : { ...end, error: this.#farewell });
  }

  #told = false;

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

  #trySendLast(payload: Buffer, status: number): void {
    try {
      this.trySend(Kind.GOODBYE, 0, status, 0, 0, NO_DEADLINE, RAW_PAYLOAD, payload);
    } catch {
      // The link has ended by itself.
    }
  }

  /** Where the limit comes from, in words. */
  #limit(): string {
    if (this.remote !== undefined) return "the smaller of both sides' maxMessageBytes";
    return `messages of this link have at most ${this.link.maxMessageBytes} bytes`;
  }

  #tooLarge(size: number, extra: number): RpcError {
    const metadata = extra === 0 ? '' : ` and ${extra} of metadata`;
    return new RpcError(
      'RESOURCE_EXHAUSTED',
      `the message has ${size} bytes${metadata}; this channel carries at most ${this.maxPayloadBytes} (${this.#limit()}, less the envelope)`,
      { reason: Reason.MESSAGE_TOO_LARGE },
    );
  }
}

/** Answers that may wait for room where both sides call, before more calls are refused; twice as many end the channel. */
const MOST_ANSWERS = 16_384;
const NO_BYTES = new Uint8Array(0);
