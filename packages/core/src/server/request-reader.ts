import {
  type Channel,
  decodeReceived,
  ENVELOPE_BYTES,
  type Envelope,
  Flag,
  type Metadata,
  NO_DEADLINE,
} from '../channel/index.js';
import { RpcError } from '../errors/index.js';
import type { Span } from '../transport/contract.js';
import type { Answers } from './answers.js';
import { CallInProgress } from './call-in-progress.js';
import { receiveRequests } from './call-streams.js';
import { noStreamsHere, undecodable, unwelcome } from './failures.js';
import type { PeerChannel } from './peer-channel.js';
import type { Route } from './router.js';

/** When the message that is handled came to the thread that has the link: an instant of performance.now(); 0 if unknown. */
export interface CameToFront {
  readonly at: number;
}

/** Makes calls of the requests that come in over one channel: what each asks, what came with it, how long it may take. */
export class RequestReader {
  readonly #channel: Channel;
  readonly #shown: PeerChannel;
  readonly #answers: Answers;
  /** Nothing can be answered. */
  readonly #mute: boolean;
  readonly #cameToFront: CameToFront | undefined;

  constructor(channel: Channel, shown: PeerChannel, answers: Answers, mute: boolean, cameToFront?: CameToFront) {
    this.#channel = channel;
    this.#shown = shown;
    this.#answers = answers;
    this.#mute = mute;
    this.#cameToFront = cameToFront;
  }

  /** The call, with its request; undefined when it can't be run, which its caller has been told. */
  read(envelope: Envelope, span: Span, callId: number, route: Route): CallInProgress | undefined {
    const { flags } = envelope;
    let metadata: Metadata | undefined;
    let failed: RpcError | undefined;
    if (envelope.headersLength !== 0) {
      try {
        const parts = this.#channel.readMetadata(envelope, span);
        if (parts === undefined) return undefined;
        metadata = parts.headers;
      } catch (error) {
        failed = RpcError.from(error);
      }
    }
    const left = envelope.timeLeft;
    const deadline = left === NO_DEADLINE ? Number.POSITIVE_INFINITY : performance.now() + left;
    const call = new CallInProgress(
      callId,
      route,
      this.#channel,
      this.#shown,
      deadline,
      !this.#mute && (flags & Flag.CONFIRM) !== 0,
      (flags & Flag.ONEWAY) !== 0,
      this.#channel.link.takeHandles(),
      metadata,
    );
    if (route.counts.timed) call.arrived = this.#cameToFront?.at || performance.now();
    if (failed !== undefined || (route.streams && this.#channel.remote === undefined)) {
      this.#answers.fail(call, failed === undefined ? noStreamsHere(call) : unwelcome(call, failed));
      return undefined;
    }
    try {
      call.request = route.streamsRequests
        ? receiveRequests(this.#channel, call)
        : decodeRequest(call, span, span.start + ENVELOPE_BYTES + envelope.headersLength);
    } catch (error) {
      this.#answers.fail(call, undecodable(call, error));
      return undefined;
    }
    return call;
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
