import {
  currentCall,
  followCall,
  noteThread,
  type ParentCall,
  receiveUntil,
  resolveTimeout,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import { CallInFlight, type StubMethod } from './call-in-flight.js';
import { checkCallOptions } from './call-options.js';
import { streamProblem, streamsReplies } from './call-streams.js';
import { CallsInFlight } from './calls-in-flight.js';
import { IMMEDIATE_CONNECT_MS, type OpenChannel, type Target, type Way, wayTo } from './connection/index.js';
import { sleepUntil } from './connection/pause.js';
import { blockedFor, checkDeadlock } from './deadlock.js';
import { channelError, notReady } from './failures.js';
import { checkSyncAllowed } from './forbid-sync.js';
import { handlesGone } from './handles-gone.js';
import { intercepted } from './intercept.js';
import {
  type CallOptions,
  type ClientDirection,
  type ClientOptions,
  type ResolvedClientOptions,
  resolveClientOptions,
} from './options.js';
import { parentStopped } from './parent.js';
import { Retries } from './retry/index.js';
import { requestBytes, trySendProbe, trySendRequest } from './send-request.js';
import { clientChannel, type SyncClient, stubMethods, stubObject } from './stub.js';
import { callWithIterable, iterateReplies } from './sync-streams.js';

/** Makes a stub whose methods block. `target` is asked when a connection is needed: by the first call, and after a loss. */
export function createSyncClientOn<S extends ServiceDefinition, D extends ClientDirection = 'duplex'>(
  service: S,
  target: () => Target | readonly Target[],
  options: ClientOptions<D> = {},
): SyncClient<S, D> {
  noteThread('calls');
  const resolved = resolveClientOptions(options);
  const methods = stubMethods(service, resolved);
  const calls = new CallsInFlight(() => undefined);
  const connection = wayTo(target, methods, calls, { ...resolved, mode: 'sync', offering: undefined });
  const caller = new SyncCaller(connection, calls, resolved);

  const unintercepted = (stub: StubMethod, request: unknown, callOptions: CallOptions | undefined): unknown => {
    if (stub.method.kind === 'unary') return caller.call(stub, request, callOptions);
    const problem = streamProblem(stub, [target()].flat());
    if (problem !== undefined) throw problem;
    return streamsReplies(stub)
      ? iterateReplies(caller, calls, stub, request, callOptions)
      : callWithIterable(caller, calls, stub, request, callOptions);
  };
  const invoke = intercepted('sync', resolved, unintercepted, target);
  const close = (): void => connection.closeSync();
  return Object.assign(stubObject(methods, resolved.direction, invoke), {
    $channel: Object.assign(clientChannel(connection, calls, resolved.direction), {
      allocate: (bytes: number) =>
        connection.openSync(Number.POSITIVE_INFINITY, undefined).channel.loans.allocate(bytes),
    }),
    $close: close,
    [Symbol.dispose]: close,
  }) as unknown as SyncClient<S, D>;
}

/** Makes calls whose callers block. */
export class SyncCaller {
  readonly #connection: Way;
  readonly #calls: CallsInFlight;
  readonly #graceMs: number;
  #lastBegunMs = 0;
  readonly #retries: Retries;

  constructor(connection: Way, calls: CallsInFlight, options: ResolvedClientOptions) {
    this.#connection = connection;
    this.#calls = calls;
    this.#graceMs = options.immediateGraceMs;
    this.#retries = new Retries(options.retry);
  }

  make(stub: StubMethod, options: CallOptions | undefined): CallInFlight {
    checkSyncAllowed(stub.path);
    if (options !== undefined) checkCallOptions(options);
    const phases = options?.timeout === undefined ? stub.phases : resolveTimeout(options.timeout, stub.phases);
    const begun = performance.now();
    if (begun - this.#lastBegunMs > IDLE_MS) this.#connection.look();
    this.#lastBegunMs = begun;
    const call = new CallInFlight(stub, phases, begun, true, options);
    if (options?.signal?.aborted) throw aborted(stub, options.signal);
    const parent = options?.parent === undefined ? currentCall() : options.parent;
    if (parent) heedBlocking(call, parent);
    call.blocked = blockedFor(stub.path, parent, true);
    return call;
  }

  call(stub: StubMethod, request: unknown, options: CallOptions | undefined): unknown {
    return this.end(this.begin(this.make(stub, options), request));
  }

  /** Sends the request and, unless the call streams, waits for its reply. Never throws. */
  begin(call: CallInFlight, request: unknown): CallInFlight {
    call.request = request;
    do {
      this.#calls.add(call);
      try {
        this.#run(call, request);
      } catch (thrown) {
        const error = RpcError.from(thrown, 'INTERNAL');
        this.#calls.cancel(call, error.failed === 'channel' ? channelError(call, error) : error);
      }
    } while (call.error !== undefined && this.#again(call, call.error));
    return call;
  }

  /** Makes another attempt of a call that has failed after it was sent, if one is to be made. Never throws. */
  beginAgain(call: CallInFlight): void {
    if (call.error !== undefined && this.#again(call, call.error)) this.begin(call, call.request);
  }

  /** The reply of a call that has settled. */
  end(call: CallInFlight): unknown {
    call.meta?.tellKept();
    if (call.error === undefined) {
      this.#retries.succeeded();
      return call.value;
    }
    // The callee may have been told to stop, and this thread may be busy elsewhere from now on.
    if (call.channel?.ended === false) call.channel.link.flush();
    throw call.error;
  }

  /** True when another attempt is to be made now. */
  #again(call: CallInFlight, error: RpcError): boolean {
    const waitMs = this.#retries.next(call, error);
    if (waitMs === undefined) {
      // Why the callee refused says more than that it can't be reached any more.
      if (call.refusal !== undefined && call.channel === undefined) call.error = call.refusal;
      return false;
    }
    if (call.channel !== undefined && (call.fate === 'refused' || call.channel.ended)) {
      this.#connection.retire(call.channel);
    }
    const now = performance.now();
    sleepUntil(now + waitMs, now);
    call.reopen(performance.now());
    call.hindrance = error;
    return true;
  }

  #run(call: CallInFlight, request: unknown): void {
    if (call.expiredAtOnce) {
      this.#calls.expire(call);
      return;
    }
    if (call.phases.immediate) call.moveDeadline(performance.now() + Math.max(this.#graceMs, IMMEDIATE_CONNECT_MS));
    for (;;) {
      const open = this.#open(call);
      if (open === undefined) return;
      call.goesOver(open.channel);
      try {
        if (!this.#send(open, call, request)) return;
      } catch (error) {
        if (!open.used || !open.channel.ended || handlesGone(call)) throw error;
        // The server has gone while this thread was busy elsewhere and heard nothing of it. Another may have come.
        call.leavesChannel();
        continue;
      }
      open.used = true;
      if (open.oneWay) this.#awaitTaken(open, call);
      else if (call.onSent !== undefined) call.onSent(open.channel);
      else this.#receive(open, call);
      return;
    }
  }

  /** Undefined when the call has ended: its time was up, and an immediate one's is short. */
  #open(call: CallInFlight): OpenChannel | undefined {
    const waits = call.waitForReady && !call.phases.immediate;
    if (call.blocked !== undefined) checkDeadlock(call, this.#connection.places, undefined);
    try {
      return this.#connection.openSync(call.deadline, waits ? call : undefined, call.avoided);
    } catch (error) {
      if (!RpcError.is(error) || error.code !== 'DEADLINE_EXCEEDED') throw error;
      if (!call.phases.immediate && !(waits && performance.now() >= call.deadline)) throw error;
      this.#calls.expire(call);
      return undefined;
    }
  }

  /** False when the call has ended. Throws when it can't be sent: when the link has ended, the callee has nothing of it. */
  #send(open: OpenChannel, call: CallInFlight, request: unknown): boolean {
    if (call.phases.immediate && open.oneWay) return this.#sendAtOnce(open, call, request);
    if (call.phases.immediate && !this.#ask(open, call)) return false;
    call.stage = 'sending';
    const { link, outbox } = open.channel;
    for (;;) {
      if (outbox.length > 0) outbox.sendNow();
      if (trySendRequest(open, call, request)) break;
      if (link.waitWritable(requestBytes(open, call, request), call.deadline)) continue;
      this.#calls.expire(call);
      return false;
    }
    flush(open);
    call.fate = 'unknown';
    call.stage = open.oneWay ? 'sending' : 'replying';
    return true;
  }

  /** Over a link from which nothing comes back: a receiver that has taken all before is as good as one that says it is ready. */
  #sendAtOnce(open: OpenChannel, call: CallInFlight, request: unknown): boolean {
    if (!taken(open, NOW)) throw notReady(call.stub.path, 'what was sent before has not been taken');
    if (!trySendRequest(open, call, request)) throw notReady(call.stub.path, 'the link has no room');
    call.moveDeadline(performance.now() + this.#graceMs);
    flush(open);
    call.stage = 'replying';
    return true;
  }

  /** Blocks until the receiver has taken what was sent over a link from which nothing comes back. */
  #awaitTaken(open: OpenChannel, call: CallInFlight): void {
    const { link } = open.channel;
    if (taken(open, call.deadline)) {
      this.#calls.remove(call);
      call.succeed(undefined);
    } else if (link.end !== undefined) throw link.end.error;
    else this.#calls.expire(call);
  }

  /** True when a handler is ready and reserved; otherwise the call has ended. */
  #ask(open: OpenChannel, call: CallInFlight): boolean {
    if (!trySendProbe(open, call)) throw notReady(call.stub.path, 'the link has no room');
    call.stage = 'asking';
    call.moveDeadline(performance.now() + this.#graceMs);
    flush(open);
    const ready = { settled: false };
    call.onReady = () => {
      ready.settled = true;
    };
    const { onSettled } = call;
    call.onSettled = (ended) => {
      ready.settled = true;
      onSettled?.(ended);
    };
    if (!receiveUntil(open.channel, ready, call.deadline)) this.#calls.expire(call);
    call.onSettled = onSettled;
    return !call.settled;
  }

  /** Receives until the call is settled. Its deadline may move meanwhile: when the callee has taken it. */
  #receive(open: OpenChannel, call: CallInFlight): void {
    while (!call.settled) {
      if (!receiveUntil(open.channel, call, call.deadline) && performance.now() >= call.deadline) {
        this.#calls.expire(call);
      }
    }
  }
}

/**
 * Milliseconds after which this thread looks whether the server is still there, before it sends to it. Each call looks at
 * the clock for that, 25 ns of the 1.2 us of the fastest. Without it, what was killed while it was awake, as a server with
 * other clients is, would be sent a call, which could then not be made again elsewhere.
 */
const IDLE_MS = 1;

/** Nothing reaches a thread that blocks: what it can know of the call for which it blocks, it knows before. */
function heedBlocking(call: CallInFlight, parent: ParentCall): void {
  call.inherit(parent);
  followCall(parent, (reason) => {
    throw parentStopped(call.stub.path, parent, reason);
  })();
}

/** An instant that has passed. */
const NOW = Number.NEGATIVE_INFINITY;

function taken({ channel: { link } }: OpenChannel, deadline: number): boolean {
  if (link.waitTaken !== undefined) return link.waitTaken(deadline);
  const words = `the link to ${link.peer.address} can't tell what was taken, though its transport says that it can (capability confirms)`;
  throw new RpcError('INTERNAL', words, { failed: 'channel' });
}

/** Throws when the link turns out to have ended. */
function flush({ channel: { link } }: OpenChannel): void {
  link.flush();
  if (link.end !== undefined) throw link.end.error;
}

function aborted(stub: StubMethod, signal: AbortSignal): RpcError {
  return new RpcError('CANCELLED', `${stub.path}: aborted by the caller before it began`, {
    reason: Reason.ABORTED_BY_CALLER,
    cause: signal.reason,
  });
}
