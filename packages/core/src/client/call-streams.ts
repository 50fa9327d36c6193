import {
  type Channel,
  ENVELOPE_BYTES,
  type Envelope,
  Kind,
  noStreams,
  type OpenSource,
  openSource,
  StreamSender,
  undecodableItem,
} from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Span } from '../transport/contract.js';
import type { CallInFlight, StubMethod } from './call-in-flight.js';
import type { CallsInFlight } from './calls-in-flight.js';
import type { Target } from './connection/index.js';

/** Whether the callee answers with many messages. */
export function streamsReplies({ method: { kind } }: StubMethod): boolean {
  return kind === 'server-streaming' || kind === 'bidi-streaming';
}

/** Whether the caller sends many messages. */
export function streamsRequests({ method: { kind } }: StubMethod): boolean {
  return kind === 'client-streaming' || kind === 'bidi-streaming';
}

/** Takes in a message of the callee's stream, or credit for the caller's. */
export function heedStream(calls: CallsInFlight, call: CallInFlight, envelope: Envelope, span: Span): void {
  const { channel, incoming, outgoing } = call;
  if (envelope.kind === Kind.REPLY_ITEM) {
    if (incoming === undefined) channel?.violated(`a message of a stream for ${call.stub.path}, whose reply is none`);
    else takeItem(calls, call, envelope, span);
  } else if (envelope.kind === Kind.REQUEST_CREDIT) {
    if (outgoing === undefined) channel?.violated(`credit for ${call.stub.path}, to which no stream goes`);
    else if (!outgoing.grant(envelope.methodId, envelope.timeLeft))
      channel?.violated(`more credit for ${call.stub.path} than was ever spent`);
    else call.onCredit?.();
  }
}

function takeItem(calls: CallsInFlight, call: CallInFlight, envelope: Envelope, span: Span): void {
  const start = span.start + ENVELOPE_BYTES + envelope.headersLength;
  call.itemsCame = true;
  try {
    if (call.incoming?.arrive(span.bytes, start, span.end, envelope.payloadLength) === false)
      call.channel?.violated(`more messages of the stream of ${call.stub.path} than it has credit for`);
  } catch (error) {
    calls.cancel(call, undecodableItem(call.stub.path, 'reply', error));
  }
}

/** What gives a call's requests. Throws INVALID_ARGUMENT for what can't. */
export function requestSource(stub: StubMethod, value: unknown): OpenSource {
  const source = openSource(value);
  if (source !== undefined) return source;
  const found = value === null ? 'null' : typeof value;
  const words = `${stub.path}: its requests are a stream: expected an iterable, an async iterable or an observable, found ${found}`;
  throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.UNENCODABLE });
}

export function requestSender(channel: Channel, call: CallInFlight, source: OpenSource): StreamSender {
  const { request } = call.stub.method;
  return new StreamSender(channel, Kind.REQUEST_ITEM, call.id, request, source, channel.remoteWindow);
}

/** Why a call fails whose source of requests does. */
export function sourceError(call: CallInFlight, { error, unsendable }: StreamSender): RpcError {
  if (RpcError.is(error)) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const what = unsendable ? "a request of the stream can't be sent" : 'what gives its requests failed';
  return new RpcError('CANCELLED', `${call.stub.path}: ${what}: ${detail}`, {
    reason: Reason.SOURCE_FAILED,
    cause: error,
  });
}

/** Ends a source early. What it throws then is nobody's answer, and is told as a warning. */
export function stopSource(call: CallInFlight, stop: () => Promise<void> | undefined): void {
  const warn = (thrown: unknown): void => {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    const words = `${call.stub.path}: what gave its requests failed when it was stopped: ${detail}`;
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    process.emitWarning(words, { type: 'CallgateClientWarning', ...(stack === undefined ? {} : { detail: stack }) });
  };
  try {
    stop()?.then(undefined, warn);
  } catch (error) {
    warn(error);
  }
}

/** The end of a call whose replies nobody reads any more. */
export function notRead(call: CallInFlight): RpcError {
  const words = `${call.stub.path}: its stream is not read any more`;
  return new RpcError('CANCELLED', words, { reason: Reason.ABORTED_BY_CALLER });
}

/** Why a method that streams can't be called over one of the transports, or undefined. */
export function streamProblem(stub: StubMethod, targets: readonly Target[]): RpcError | undefined {
  for (const { transport, address } of targets) {
    const problem = noStreams(transport.capabilities, stub.path, stub.method.kind, address.url);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
