import {
  type Channel,
  ENVELOPE_BYTES,
  type Envelope,
  Kind,
  openSource,
  propagates,
  RpcStream,
  runFor,
  Step,
  StreamPump,
  StreamReceiver,
  StreamSender,
} from '../channel/index.js';
import { RpcError } from '../errors/index.js';
import type { Span } from '../transport/contract.js';
import type { CallInProgress } from './call-in-progress.js';
import { badReply, notAStream } from './failures.js';
import { SourceFor } from './source-for.js';

/** How a handler that streams ends; exactly one of `done` and `failed` is called, once, also when nobody wants the reply. */
export interface StreamingEnd {
  done(reply: unknown): void;
  failed(thrown: unknown): void;
  /** The source of a reply threw when it was stopped, which nobody is answered with. */
  onError(thrown: unknown): void;
}

/** What a handler is given in place of a request: its call's stream of them, which can be read once. */
export function receiveRequests(channel: Channel, call: CallInProgress): RpcStream<unknown> {
  const receiver = new StreamReceiver(call.route.method.request);
  receiver.attach(channel, Kind.REQUEST_CREDIT, call.id);
  receiver.onHandles = (handles) => call.keepInFields(handles);
  call.incoming = receiver;
  let read = false;
  return new RpcStream(() => {
    if (read) {
      const words = `${call.path}: a call's stream of requests can be read once, and somebody reads it already`;
      throw new RpcError('FAILED_PRECONDITION', words);
    }
    read = true;
    return { receiver, start: () => {}, stop: () => {} };
  });
}

/** Takes in a message of the caller's stream, its end, or credit for the callee's. Throws what a request can't be decoded for. */
export function heedStream(channel: Channel, call: CallInProgress, envelope: Envelope, span: Span): void {
  const { incoming, outgoing, path } = call;
  if (envelope.kind === Kind.REPLY_CREDIT) {
    if (outgoing === undefined) channel.violated(`credit for ${path}, from which no stream comes`);
    else if (!outgoing.sender.grant(envelope.methodId, envelope.timeLeft))
      channel.violated(`more credit for ${path} than was ever spent`);
    else outgoing.run();
  } else if (incoming === undefined) channel.violated(`a message of a stream for ${path}, whose request is none`);
  else if (call.requestsEnded)
    channel.violated(`more of the stream of ${path}, of which it had said that it is complete`);
  else if (envelope.kind === Kind.REQUEST_END) {
    call.requestsEnded = true;
    incoming.end();
  } else {
    const start = span.start + ENVELOPE_BYTES + envelope.headersLength;
    if (!incoming.arrive(span.bytes, start, span.end, envelope.payloadLength))
      channel.violated(`more messages of the stream of ${path} than it has credit for`);
  }
}

/** Runs a handler that is given a stream or gives one. */
export function runStreaming(channel: Channel, call: CallInProgress, request: unknown, end: StreamingEnd): void {
  const failed = (thrown: unknown): void => {
    call.incoming?.close();
    end.failed(thrown);
  };
  const give = (result: unknown): void => {
    if (call.route.streamsReplies) sendReplies(channel, call, result, { ...end, failed });
    else {
      call.incoming?.close();
      end.done(result);
    }
  };
  let result: unknown;
  let later: boolean;
  try {
    result = runFor(call, call.route.run, request);
    later = typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function';
  } catch (error) {
    failed(error);
    return;
  }
  if (later) Promise.resolve(result).then(give, failed);
  else give(result);
}

function sendReplies(channel: Channel, call: CallInProgress, result: unknown, end: StreamingEnd): void {
  const opened = openSource(result);
  if (opened === undefined) {
    end.failed(notAStream(call, result));
    return;
  }
  // Nobody wants it any more, and it has not begun.
  if (!call.wanted) {
    end.done(undefined);
    return;
  }
  const source = propagates() ? new SourceFor(call, opened) : opened;
  const { response } = call.route.method;
  const sender = new StreamSender(channel, Kind.REPLY_ITEM, call.id, response, source, channel.remoteWindow);
  sender.beforeFirst = () => call.announce();
  const stop = (): Promise<void> => stopped(pump, end);
  const pump = new StreamPump(channel, sender, (step) => {
    call.onStop = undefined;
    if (step === Step.DONE) {
      call.incoming?.close();
      end.done(undefined);
    } else if (sender.unsendable) {
      void stop();
      end.failed(badReply(call, sender.error));
    } else end.failed(sender.error);
  });
  call.outgoing = pump;
  // The handler has a slot until its generator is through with `finally`.
  call.onStop = () => void stop().then(() => end.done(undefined));
  pump.start();
}

async function stopped(pump: StreamPump, end: StreamingEnd): Promise<void> {
  try {
    await pump.stop();
  } catch (error) {
    end.onError(error);
  }
}
