import type { MessageInit, MessageType } from '../codec/contract.js';
import { handleFields } from '../codec/index.js';
import type { RpcError } from '../errors/index.js';
import type { Deadline, Handle, Link, Span } from '../transport/contract.js';
import { addHeaders, ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, sealEnvelope, writeEnvelope } from './envelope.js';
import { encodeFailure } from './failure-payload.js';
import { type Hello, windowOf } from './hello.js';
import { Loans } from './loans.js';
import { CallerLink } from './lossy/caller-link.js';
import { DEFAULT_METADATA_BYTES, metadataTooLarge } from './metadata-block.js';
import { Outbox } from './outbox.js';
import { RAW_PAYLOAD } from './payloads.js';
import { messageTooLarge, noMetadataHere } from './problems.js';
import { trySendCarrying, trySendLending } from './special-sends.js';
import type { StreamWindow } from './stream/window.js';

export interface SendingOptions {
  readonly link: Link;
  /** What both sides said in their greetings; absent where none are exchanged. */
  readonly local?: Hello;
  readonly remote?: Hello;
  /** Send and expect checksums. */
  readonly checksum: boolean;
  /** Bytes of metadata that this side sends and takes with one message; 0: the link has no room for any. @default 8192 */
  readonly maxMetadataBytes?: number | undefined;
}

/** Bytes up to which a message is written in one pass: of longer ones, measuring is the smaller part. */
const MOST_PACKED = 1024;

/** The half of a channel that sends: what is encoded into the link, now or when there is room. */
export class Sending {
  readonly link: Link;
  /** The peer's greeting; undefined where none are exchanged. */
  readonly remote: Hello | undefined;
  /** How much of each stream this side takes unread, and the peer. */
  readonly window: StreamWindow;
  readonly remoteWindow: StreamWindow;
  readonly outbox: Outbox;
  /** Memory that messages refer to. */
  readonly loans: Loans;
  /** Bytes of the largest payload that both sides take. */
  readonly maxPayloadBytes: number;
  /** Bytes of the largest metadata block that both sides take. */
  readonly maxMetadataBytes: number;
  readonly #flags: number;
  /** Of the next message, for mailboxes; each message that is sent sets them back. */
  urgent = false;
  expires: Deadline = Number.POSITIVE_INFINITY;
  /** Bytes of the payload that was sent last. */
  sentBytes = 0;
  /** This side's calls over it: those that have not ended, and all. */
  callsOut = 0;
  callsBegun = 0;
  #flushQueued = false;
  /** The channel has ended. */
  protected over = false;
  /** The link takes nothing more, though what came before may still be in it. */
  #mute = false;

  constructor(options: SendingOptions) {
    this.link = options.link;
    this.remote = options.remote;
    this.window = windowOf(options.local);
    this.remoteWindow = windowOf(options.remote);
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
    return this.over || this.#mute || this.link.end !== undefined;
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
      return trySendLending(this, kind, flags, status, callId, methodId, timeLeft, type, message, handles, headers);
    if (type.pack !== undefined && handles === undefined && headers === undefined) {
      const bound = type.bound!(message);
      if (bound <= MOST_PACKED && bound <= this.maxPayloadBytes) {
        const span = this.#claim(ENVELOPE_BYTES + bound);
        // Where there is no room for the most that it could take, there may be for what it does take.
        if (span !== null) {
          this.#pack(span, kind, flags, status, callId, methodId, timeLeft, type, message);
          return true;
        }
      }
    }
    const size = type.size(message);
    if (handleFields.met)
      return trySendCarrying(this, kind, flags, status, callId, methodId, timeLeft, type, message, handles, headers);
    const extra = headers === undefined ? 0 : headers.length;
    if (extra !== 0) this.checkHeaders(extra);
    const length = ENVELOPE_BYTES + extra + size;
    if (size + extra > this.maxPayloadBytes) throw messageTooLarge(this, size, extra);
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

  /** Checks and writes the message in one pass, into a claim that has room for it in any case. */
  #pack<T>(
    { start, view, bytes }: Span,
    kind: number,
    flags: number,
    status: number,
    callId: number,
    methodId: number,
    timeLeft: number,
    type: MessageType<T>,
    message: MessageInit<T>,
  ): void {
    let end: number;
    try {
      end = type.pack!(message, bytes, start + ENVELOPE_BYTES);
    } catch (error) {
      this.link.abandon();
      throw error;
    }
    const size = end - start - ENVELOPE_BYTES;
    if (this.link.mark !== undefined) this.#mark(kind, flags, callId);
    const allFlags = flags | this.#flags;
    writeEnvelope(view, start, kind, allFlags, status, size, callId, methodId, timeLeft);
    if (allFlags !== flags) sealEnvelope(bytes, view, start, end);
    this.link.commit(end - start);
    if (kind === Kind.REPLY) this.link.forget?.(callId);
    this.sentBytes = size;
  }

  /** Throws when a metadata block of that size can't be sent. */
  checkHeaders(bytes: number): void {
    if (bytes <= this.maxMetadataBytes) return;
    if (this.maxMetadataBytes > 0) throw metadataTooLarge(bytes, this.maxMetadataBytes);
    throw noMetadataHere(this.link.peer.address);
  }

  /** Bytes of room in the link that a message needs, for waiting. */
  measure<T>(type: MessageType<T>, message: MessageInit<T>): number {
    const bytes = this.loans.lends
      ? this.loans.lending((lender) => ENVELOPE_BYTES + type.size(message) + lender.bytes)
      : ENVELOPE_BYTES + type.size(message);
    handleFields.met = false;
    return bytes;
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

  /** Tells the link to send what it holds back, once per run of microtasks. */
  queueFlush(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      if (!this.ended) this.link.flush();
    });
  }
}

const NO_BYTES = new Uint8Array(0);
