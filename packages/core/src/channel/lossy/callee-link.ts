import { Reason, RpcError } from '../../errors/index.js';
import type { Link, Span } from '../../transport/contract.js';
import type { ResolvedLossyOptions } from '../../transport/lossy-options.js';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, writeEnvelope } from '../envelope.js';
import { encodeFailure } from '../failure-payload.js';
import { aboutOf, HEAD_BYTES, numberOf, oldestOf, Role, roleOf, writeHead } from './head.js';
import { Asked, ReplyCache } from './reply-cache.js';
import { WrappedLink } from './wrapped-link.js';

/** What a callee is to forget, which no callee should: for tests that show that they would notice. */
export interface CalleeFaults {
  readonly forgetsDuplicates?: boolean;
  readonly forgetsReplies?: boolean;
}

/**
 * The serving side of a lossy link: shows each thing that is asked once, however often it comes, and gives the answer
 * again when it is asked again.
 */
export class CalleeLink extends WrappedLink {
  readonly cache: ReplyCache;
  /** What is asked and not done with, by the caller's id of the call: a probe, then its request. */
  readonly #open = new Map<number, Asked>();
  /** The one of them that came last, which is not in the map. */
  #current: Asked | undefined;
  readonly #ack = Buffer.alloc(HEAD_BYTES);
  readonly #ackView = new DataView(this.#ack.buffer, this.#ack.byteOffset, HEAD_BYTES);
  readonly #faults: CalleeFaults;

  constructor(inner: Link, options: ResolvedLossyOptions, faults: CalleeFaults = {}) {
    super(inner);
    this.cache = new ReplyCache(options);
    this.#faults = faults;
  }

  protected override take(span: Span): boolean {
    const role = roleOf(span);
    if (role === Role.PLAIN) return true;
    const at = span.start + HEAD_BYTES;
    if (role !== Role.ASK || span.end - at < ENVELOPE_BYTES) return false;
    const number = numberOf(span);
    const callId = span.view.getUint32(at + 16, true);
    this.cache.acknowledge(oldestOf(span));
    const verdict = this.#faults.forgetsDuplicates ? 'new' : this.cache.judge(number);
    if (verdict === 'unwanted') return false;
    const kind = span.view.getUint32(at, true) >>> 24;
    if (verdict === 'too old') this.#refuse(number, callId);
    else if (verdict === 'known') this.#again(this.cache.get(number)!);
    else if (kind === Kind.CANCEL) this.#cancel(number, callId, aboutOf(span));
    else this.#note(number, callId, kind === Kind.REQUEST ? span.view.getUint16(at + 4, true) : 0);
    return verdict === 'new';
  }

  protected override sending({ bytes, view, start }: Span, length: number): void {
    const kind = view.getUint32(start, true) >>> 24;
    const callId = view.getUint32(start + 16, true);
    const asked = kind === Kind.REPLY || kind === Kind.READY || kind === Kind.TAKEN ? this.#openOf(callId) : undefined;
    const at = start - HEAD_BYTES;
    if (asked === undefined) {
      writeHead(view, at, Role.PLAIN, 0, 0, 0);
      return;
    }
    writeHead(view, at, Role.ANSWER, asked.number, 0, callId);
    const answer = this.#faults.forgetsReplies ? undefined : this.cache.copy(bytes, at, start + length);
    // That a handler has it is the last word of a one-way call, and the first of any other.
    if (kind === Kind.TAKEN && !asked.oneway) {
      asked.answer = answer;
      return;
    }
    this.#done(callId);
    this.cache.finish(asked, answer, performance.now());
  }

  #note(number: number, callId: number, flags: number): void {
    const oneway = (flags & Flag.ONEWAY) !== 0;
    const silent = oneway && (flags & Flag.CONFIRM) === 0;
    const asked = new Asked(number, callId, oneway, silent);
    this.cache.add(asked);
    if (silent) {
      this.cache.finish(asked, undefined, 0);
      this.#acknowledge(number, callId);
    } else {
      // A probe's place is its request's: both have the id of their call.
      if (this.#current !== undefined && this.#current.callId !== callId)
        this.#open.set(this.#current.callId, this.#current);
      this.#current = asked;
    }
  }

  #openOf(callId: number): Asked | undefined {
    return this.#current?.callId === callId ? this.#current : this.#open.get(callId);
  }

  #done(callId: number): void {
    if (this.#current?.callId === callId) this.#current = undefined;
    else this.#open.delete(callId);
  }

  /** Neither it nor what it cancels, should that come only now, is ever to be run. */
  #cancel(number: number, callId: number, about: number): void {
    const cancelled = this.#openOf(callId);
    if (cancelled !== undefined) {
      this.#done(callId);
      this.cache.finish(cancelled, undefined, 0);
    } else if (about !== 0 && this.cache.judge(about) === 'new') {
      const never = new Asked(about, callId, false, false);
      this.cache.add(never);
      this.cache.finish(never, undefined, 0);
    }
    const asked = new Asked(number, callId, true, true);
    this.cache.add(asked);
    this.cache.finish(asked, undefined, 0);
    this.#acknowledge(number, callId);
  }

  /** Asked before: the answer was lost, or is not there yet, or the question came twice. */
  #again(asked: Asked): void {
    if (asked.answer !== undefined) this.trySend(asked.answer.bytes, asked.answer.length);
    else if (!asked.done || asked.silent) this.#acknowledge(asked.number, asked.callId);
    else this.#refuse(asked.number, asked.callId);
    this.inner.flush();
  }

  #acknowledge(number: number, callId: number): void {
    writeHead(this.#ackView, 0, Role.ACK, number, 0, callId);
    this.trySend(this.#ack, HEAD_BYTES);
  }

  /** Its answer is not known any more, or whether it was run at all. */
  #refuse(number: number, callId: number): void {
    const words =
      'the call was asked again after its reply had been forgotten here (replyCacheEntries, replyCacheBytes, replyCacheMs): whether it was run is not known, and it is not run again';
    const error = new RpcError('UNAVAILABLE', words, { reason: Reason.REPLY_FORGOTTEN });
    const payload = encodeFailure(error, this.maxMessageBytes - ENVELOPE_BYTES);
    const length = HEAD_BYTES + ENVELOPE_BYTES + payload.length;
    const message = Buffer.alloc(length);
    const view = new DataView(message.buffer, message.byteOffset, length);
    writeHead(view, 0, Role.ANSWER, number, 0, callId);
    writeEnvelope(view, HEAD_BYTES, Kind.REPLY, 0, error.status, payload.length, callId, 0, NO_DEADLINE);
    message.set(payload, HEAD_BYTES + ENVELOPE_BYTES);
    this.trySend(message, length);
  }
}
