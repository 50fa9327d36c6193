import { EMPTY_PAYLOAD, Flag, Kind, NO_DEADLINE, timeLeft } from '../channel/index.js';
import type { MessageType } from '../codec/contract.js';
import { RpcError } from '../errors/index.js';
import type { CallInFlight } from './call-in-flight.js';
import type { OpenChannel } from './connection/index.js';
import { checkDeadlock, tellBlocked } from './deadlock.js';
import { expiry } from './failures.js';

/**
 * Sends a call's request. False when the link is full now. Throws RpcError when it can't be sent at all, such as a
 * method that the callee does not have; nothing has been sent then.
 */
export function trySendRequest(open: OpenChannel, call: CallInFlight, request: unknown): boolean {
  const { method } = call.stub;
  const { phases, handles } = call;
  const methodId = methodIdOf(open, call);
  if (call.blocked !== undefined) {
    checkDeadlock(call, NOWHERE, open.channel);
    tellBlocked(call, open.channel, requestType(call).size(request as object));
  }
  open.channel.urgent = call.urgent;
  open.channel.expires = call.deadline;
  if (open.oneWay) return trySendOneWay(open, call, methodId, request);
  let flags = 0;
  let left = NO_DEADLINE;
  if (phases.shared) {
    if (call.deadline !== Number.POSITIVE_INFINITY) left = timeLeft(call.deadline, performance.now());
    // Nobody would see what came of it.
    if (left === 0) throw expiry(call);
  } else {
    left = replyTimeLeft(call);
    flags = phases.immediate ? Flag.RESERVED : Flag.CONFIRM;
  }
  // Who awaits a one-way call is done when the link has it: nobody would hear that it was taken, or that it was not.
  if (method.oneway) flags = call.blocking ? flags | Flag.ONEWAY | Flag.CONFIRM : (flags & ~Flag.CONFIRM) | Flag.ONEWAY;
  const { channel } = open;
  const { id } = call;
  const type = requestType(call);
  return channel.trySend(
    Kind.REQUEST,
    flags,
    0,
    id,
    methodId,
    left,
    type,
    request as object,
    handles,
    call.requestBlock(),
  );
}

/** Of what goes with the REQUEST itself: a stream's messages follow it. */
function requestType({ stub: { method } }: CallInFlight): MessageType<unknown> {
  const streams = method.kind === 'client-streaming' || method.kind === 'bidi-streaming';
  return streams ? (EMPTY_PAYLOAD as MessageType<unknown>) : method.request;
}

/** Of a call whose phases have policies of their own. */
function replyTimeLeft(call: CallInFlight): number {
  const { replyMs } = call.phases;
  if (call.limit === Number.POSITIVE_INFINITY) return timeLeft(replyMs, 0);
  const limitMs = call.limit - performance.now();
  if (limitMs <= 0) throw expiry(call);
  return timeLeft(Math.min(replyMs, limitMs), 0);
}

/** Nothing can come back, and others may send over the same link: no confirmation is asked for, and there is nothing to know the call by. */
function trySendOneWay(open: OpenChannel, call: CallInFlight, methodId: number, request: unknown): boolean {
  const { method } = call.stub;
  const until = call.phases.shared ? call.deadline : call.limit;
  const left = until === Number.POSITIVE_INFINITY ? NO_DEADLINE : timeLeft(until, performance.now());
  if (left === 0) throw expiry(call);
  const { channel } = open;
  const { handles } = call;
  const { request: type } = method;
  return channel.trySend(
    Kind.REQUEST,
    Flag.ONEWAY,
    0,
    0,
    methodId,
    left,
    type,
    request as object,
    handles,
    call.requestBlock(),
  );
}

/** Asks whether a handler would take the call now. False when the link is full. */
export function trySendProbe(open: OpenChannel, call: CallInFlight): boolean {
  const methodId = methodIdOf(open, call);
  checkDeadlock(call, NOWHERE, open.channel);
  open.channel.urgent = call.urgent;
  open.channel.expires = call.deadline;
  return open.channel.trySend(Kind.PROBE, 0, 0, call.id, methodId, NO_DEADLINE, EMPTY_PAYLOAD, undefined);
}

function methodIdOf(open: OpenChannel, call: CallInFlight): number {
  const id = open.methodIds[call.stub.index];
  if (typeof id === 'number') return id;
  throw id ?? new RpcError('INTERNAL', `${call.stub.path} is not in the method table`);
}

/** Bytes of room that a request needs in a link, for waiting. */
export function requestBytes({ channel }: OpenChannel, call: CallInFlight, request: unknown): number {
  const headers = call.requestBlock()?.length ?? 0;
  return channel.measure(requestType(call), request as object) + headers;
}

/** The channel alone tells whom it leads to. */
const NOWHERE: readonly string[] = [];
