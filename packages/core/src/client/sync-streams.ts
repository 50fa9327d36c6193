import {
  type Channel,
  ENVELOPE_BYTES,
  Kind,
  receiveAvailable,
  receiveUntil,
  Step,
  StreamReceiver,
  type StreamSender,
  trySendRequestEnd,
} from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CallInFlight, StubMethod } from './call-in-flight.js';
import type { CallMeta } from './call-meta.js';
import { notRead, requestSender, requestSource, sourceError, stopSource, streamsRequests } from './call-streams.js';
import type { CallsInFlight } from './calls-in-flight.js';
import type { CallOptions } from './options.js';
import type { SyncCaller } from './sync-client.js';

/** Requests between two looks for what has come. A look costs a system call where the link is no memory. */
const LOOK_AFTER = 128;
/** Milliseconds of waiting for room between two looks for what has come: a callee that waits for room itself makes none. */
const ROOM_MS = 5;

/** A call that sends a stream and gets one reply. */
export function callWithIterable(
  caller: SyncCaller,
  calls: CallsInFlight,
  stub: StubMethod,
  requests: unknown,
  options: CallOptions | undefined,
): unknown {
  const call = caller.make(stub, options);
  const sending = new SyncSending(calls, call, requests);
  call.onSent = (channel) => {
    sending.begin(channel);
    while (!sending.over && !call.settled) sending.goOn(LOOK_AFTER);
    while (!call.settled) waitUntil(calls, call, channel, call);
  };
  return caller.end(caller.begin(call, undefined));
}

/** The replies to a request, or to many. Each iteration is a call of its own, begun by its first `next`. */
export function iterateReplies(
  caller: SyncCaller,
  calls: CallsInFlight,
  stub: StubMethod,
  request: unknown,
  options: CallOptions | undefined,
): Iterable<unknown> {
  return {
    [Symbol.iterator]: () =>
      new ReplyIterator(caller, calls, stub, streamsRequests(stub) ? request : undefined, (prepare) => {
        const call = caller.make(stub, options);
        prepare(call);
        caller.begin(call, streamsRequests(stub) ? undefined : request);
      }),
  };
}

class ReplyIterator implements IterableIterator<unknown, undefined> {
  readonly #caller: SyncCaller;
  readonly #calls: CallsInFlight;
  readonly #requests: unknown;
  readonly #begin: (prepare: (call: CallInFlight) => void) => void;
  readonly #receiver: StreamReceiver<unknown>;
  readonly #ready: { readonly settled: boolean };
  #call: CallInFlight | undefined;
  #sending: SyncSending | undefined;
  #returned = false;

  constructor(
    caller: SyncCaller,
    calls: CallsInFlight,
    stub: StubMethod,
    requests: unknown,
    begin: (prepare: (call: CallInFlight) => void) => void,
  ) {
    this.#caller = caller;
    this.#calls = calls;
    this.#requests = requests;
    this.#begin = begin;
    const receiver = new StreamReceiver<unknown>(stub.method.response, true);
    this.#receiver = receiver;
    const settled = (): boolean => receiver.ready || this.#call?.settled === true;
    this.#ready = {
      get settled() {
        return settled();
      },
    };
  }

  next(): IteratorResult<unknown, undefined> {
    if (!this.#receiver.ready) this.#fill();
    if (this.#call?.meta !== undefined) this.#tell(this.#call.meta);
    return this.#receiver.next();
  }

  return(): IteratorResult<unknown, undefined> {
    this.#returned = true;
    this.#receiver.close();
    const call = this.#call;
    if (call !== undefined && !call.settled) {
      this.#calls.cancel(call, notRead(call));
      // This thread may be busy elsewhere from now on.
      if (call.channel?.ended === false) call.channel.link.flush();
    }
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** Metadata has come, perhaps. */
  #tell(meta: CallMeta): void {
    try {
      meta.tellKept();
    } catch (error) {
      this.return();
      throw error;
    }
  }

  /** Blocks until there is a reply, or the end. */
  #fill(): void {
    if (this.#call === undefined && !this.#returned) this.#start(() => this.#begin((call) => this.#prepare(call)));
    const call = this.#call as CallInFlight;
    const sending = this.#sending;
    while (!this.#receiver.ready) {
      if (call.settled) {
        this.#start(() => this.#caller.beginAgain(call));
        continue;
      }
      const channel = call.channel as Channel;
      if (!this.#receiver.settleCredit()) waitForRoom(this.#calls, call, channel, ENVELOPE_BYTES);
      else if (sending !== undefined && !sending.over) {
        receiveAvailable(channel, sending.looksDue, this.#ready);
        if (!this.#receiver.ready) sending.goOn(1, this.#ready);
      } else waitUntil(this.#calls, call, channel, this.#ready);
    }
  }

  /** Makes an attempt. One that fails at once has been the last; whether one that fails later was is looked at then. */
  #start(attempt: () => void): void {
    attempt();
    if (this.#call?.settled === true) this.#receiver.end(this.#call.error);
  }

  #prepare(call: CallInFlight): void {
    const receiver = this.#receiver;
    this.#call = call;
    if (streamsRequests(call.stub)) this.#sending = new SyncSending(this.#calls, call, this.#requests);
    const stopSending = call.onSettled;
    call.incoming = receiver;
    call.onSent = (channel) => {
      receiver.attach(channel, Kind.REPLY_CREDIT, call.id);
      this.#sending?.begin(channel);
    };
    call.onSettled = (ended) => {
      stopSending?.(ended);
      // Another attempt may be made of a call that fails, so that its reader hears of that later.
      if (ended.error === undefined || this.#returned) receiver.end(ended.error);
    };
  }
}

/** Sends a call's requests from a thread that blocks. */
class SyncSending {
  readonly #calls: CallsInFlight;
  readonly #call: CallInFlight;
  readonly #source: ReturnType<typeof requestSource>;
  #channel: Channel | undefined;
  #sender: StreamSender | undefined;
  #sent = 0;
  /** All requests are sent. */
  over = false;

  constructor(calls: CallsInFlight, call: CallInFlight, requests: unknown) {
    if (typeof (requests as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] !== 'function')
      throw notIterable(call.stub);
    this.#calls = calls;
    this.#call = call;
    this.#source = requestSource(call.stub, requests);
    call.onSettled = () => {
      const sender = this.#sender;
      if (sender !== undefined) stopSource(call, () => sender.stop());
    };
  }

  /** It is time to look for what has come, though that costs a system call. */
  get looksDue(): boolean {
    return this.#sent % LOOK_AFTER === 0;
  }

  begin(channel: Channel): void {
    this.#channel = channel;
    this.#sender = requestSender(channel, this.#call, this.#source);
    this.#call.outgoing = this.#sender;
  }

  /** Sends at most `most` requests; waits for credit or room if it must, though not once `enough` is settled. */
  goOn(most: number, enough?: { readonly settled: boolean }): void {
    const channel = this.#channel as Channel;
    const sender = this.#sender as StreamSender;
    const call = this.#call;
    switch (sender.advance(most)) {
      case Step.MORE:
        this.#sent += most;
        if (enough === undefined) receiveAvailable(channel, true, call);
        return;
      case Step.ROOM:
        waitForRoom(this.#calls, call, channel, sender.heldBytes);
        return;
      case Step.DONE:
        this.over = true;
        while (!call.settled && !trySendRequestEnd(channel, call.id))
          waitForRoom(this.#calls, call, channel, ENVELOPE_BYTES);
        channel.link.flush();
        return;
      case Step.FAILED:
        this.over = true;
        this.#calls.cancel(call, sourceError(call, sender));
        return;
      default: {
        const goesOn = {
          get settled() {
            return sender.mayGoOn || call.settled || enough?.settled === true;
          },
        };
        waitUntil(this.#calls, call, channel, goesOn);
      }
    }
  }
}

/** Receives until something is settled; the call ends when its deadline comes first. */
function waitUntil(
  calls: CallsInFlight,
  call: CallInFlight,
  channel: Channel,
  waiter: { readonly settled: boolean },
): void {
  if (channel.outbox.length > 0) channel.outbox.sendNow();
  if (!receiveUntil(channel, waiter, call.deadline) && performance.now() >= call.deadline) calls.expire(call);
}

/** Waits for room, and takes what comes meanwhile. */
function waitForRoom(calls: CallsInFlight, call: CallInFlight, channel: Channel, bytes: number): void {
  receiveAvailable(channel, true, call);
  if (channel.outbox.length > 0) channel.outbox.sendNow();
  const now = performance.now();
  if (call.settled || channel.link.waitWritable(bytes, Math.min(call.deadline, now + ROOM_MS))) return;
  if (performance.now() >= call.deadline) calls.expire(call);
}

function notIterable(stub: StubMethod): RpcError {
  const words = `${stub.path}: a blocking stub takes its requests from a plain iterable (an array, a generator)`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.UNENCODABLE });
}
