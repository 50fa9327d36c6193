import {
  Kind,
  type OpenSource,
  type OpenStream,
  RpcStream,
  Step,
  StreamPump,
  StreamReceiver,
  turn,
  turnIsDue,
} from '../channel/index.js';
import type { RpcError } from '../errors/index.js';
import type { AsyncCaller } from './async-client.js';
import type { CallInFlight, StubMethod } from './call-in-flight.js';
import { notRead, requestSender, requestSource, sourceError, stopSource, streamsRequests } from './call-streams.js';
import type { CallsInFlight } from './calls-in-flight.js';
import type { CallOptions } from './options.js';
import { failWhereAwaited } from './where-awaited.js';

/** A call that sends a stream and gets one reply. */
export function callWithRequests(
  caller: AsyncCaller,
  calls: CallsInFlight,
  stub: StubMethod,
  requests: unknown,
  options: CallOptions | undefined,
): Promise<unknown> {
  return new Promise((resolve) => {
    const source = requestSource(stub, requests);
    const call = caller.make(stub, options);
    call.onSettled = ({ value, error }) => resolve(error === undefined ? value : failWhereAwaited(error));
    sendRequests(calls, call, source);
    begin(caller, call, undefined, options);
  });
}

/** The stream of replies to a request, or to a stream of them. A call is made when it is read. `problem`: why none can be. */
export function openReplies(
  caller: AsyncCaller,
  calls: CallsInFlight,
  stub: StubMethod,
  request: unknown,
  options: CallOptions | undefined,
  problem: RpcError | undefined,
): RpcStream<unknown> {
  return new RpcStream(() => {
    if (problem !== undefined) throw problem;
    const both = streamsRequests(stub);
    const source = both ? requestSource(stub, request) : undefined;
    const receiver = new StreamReceiver(stub.method.response);
    let call: CallInFlight | undefined;
    let stopped = false;
    const stream: OpenStream<unknown> = {
      receiver,
      start() {
        if (stopped) return;
        call = caller.make(stub, options);
        call.incoming = receiver;
        call.onSent = (channel) => receiver.attach(channel, Kind.REPLY_CREDIT, call?.id ?? 0);
        call.onSettled = ({ error }) => {
          // As with `failWhereAwaited`: who begins another one at once must not keep the event loop from turning.
          if (error !== undefined && turnIsDue(performance.now())) void turn().then(() => receiver.end(error));
          else receiver.end(error);
        };
        if (source !== undefined) sendRequests(calls, call, source);
        begin(caller, call, both ? undefined : request, options);
      },
      stop() {
        stopped = true;
        if (call !== undefined) calls.cancel(call, notRead(call));
      },
    };
    return stream;
  });
}

/** Sends the messages of a call's source behind its request, for as long as the call lives. */
function sendRequests(calls: CallsInFlight, call: CallInFlight, source: OpenSource): void {
  const { onSent, onSettled } = call;
  let pump: StreamPump | undefined;
  call.onSent = (channel) => {
    onSent?.(channel);
    const sender = requestSender(channel, call, source);
    pump = new StreamPump(channel, sender, (step) => {
      if (step === Step.DONE) channel.sendLater(Kind.REQUEST_END, 0, call.id, 0);
      else calls.cancel(call, sourceError(call, sender));
    });
    call.outgoing = sender;
    call.onCredit = () => pump?.run();
    pump.start();
  };
  call.onSettled = (ended) => {
    if (pump !== undefined) stopSource(call, () => pump?.stop());
    onSettled?.(ended);
  };
}

function begin(caller: AsyncCaller, call: CallInFlight, request: unknown, options: CallOptions | undefined): void {
  if (options?.signal !== undefined) caller.heed(call, options.signal);
  caller.begin(call, request);
}
