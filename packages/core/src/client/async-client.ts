import {
  currentCall,
  followCall,
  noteThread,
  type Offering,
  type ParentCall,
  resolveTimeout,
  turn,
  turnIsDue,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import { callWithRequests, openReplies } from './async-streams.js';
import { CallInFlight, type StubMethod } from './call-in-flight.js';
import { checkCallOptions } from './call-options.js';
import { streamProblem, streamsReplies } from './call-streams.js';
import { CallsInFlight } from './calls-in-flight.js';
import { IMMEDIATE_CONNECT_MS, type OpenChannel, type Target, type Way, wayTo } from './connection/index.js';
import { blockedFor, checkDeadlock } from './deadlock.js';
import { channelError, notReady } from './failures.js';
import { type Invoke, intercepted } from './intercept.js';
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
import { type Client, clientChannel, stubMethods, stubObject } from './stub.js';
import { failWhereAwaited } from './where-awaited.js';

/**
 * Makes a stub of promises. `target` is asked when a connection is needed: by the first call, and after a loss.
 * `offering`: what the server may call over the same connection.
 */
export function createClientOn<S extends ServiceDefinition, D extends ClientDirection = 'duplex'>(
  service: S,
  target: () => Target | readonly Target[],
  options: ClientOptions<D> = {},
  offering?: Offering,
): Client<S, D> {
  noteThread('calls');
  const resolved = resolveClientOptions(options);
  const methods = stubMethods(service, resolved);
  const calls = new CallsInFlight((busy) => connection.keepAlive(busy));
  const connection = wayTo(target, methods, calls, { ...resolved, mode: 'async', offering });
  const caller = new AsyncCaller(connection, calls, resolved);
  const problemOf = (stub: StubMethod) => streamProblem(stub, [target()].flat());
  const invoke = intercepted('async', resolved, unintercepted(caller, calls, problemOf), target);
  const close = async (): Promise<void> => {
    calls.failAll(
      (call) => new RpcError('CANCELLED', `${call.stub.path}: the client was closed`, { reason: Reason.CLOSED }),
    );
    await connection.close();
  };
  return Object.assign(stubObject(methods, resolved.direction, invoke), {
    $channel: Object.assign(clientChannel(connection, calls, resolved.direction), {
      allocate: async (bytes: number) => (await connection.open()).channel.loans.allocate(bytes),
    }),
    $close: close,
    [Symbol.asyncDispose]: close,
  }) as unknown as Client<S, D>;
}

/** How a stub's methods make calls, inside of interceptors. `problemOf`: why a method can't stream, if it can't. */
export function unintercepted(
  caller: AsyncCaller,
  calls: CallsInFlight,
  problemOf: (stub: StubMethod) => RpcError | undefined,
): Invoke {
  return (stub, request, callOptions) => {
    if (stub.method.kind === 'unary') return caller.call(stub, request, callOptions);
    const problem = problemOf(stub);
    if (streamsReplies(stub)) return openReplies(caller, calls, stub, request, callOptions, problem);
    return problem === undefined
      ? callWithRequests(caller, calls, stub, request, callOptions)
      : Promise.reject(problem);
  };
}

/** Makes calls whose callers await. */
export class AsyncCaller {
  readonly #connection: Way;
  readonly #calls: CallsInFlight;
  readonly #graceMs: number;
  readonly #retries: Retries;

  constructor(connection: Way, calls: CallsInFlight, options: ResolvedClientOptions) {
    this.#connection = connection;
    this.#calls = calls;
    this.#graceMs = options.immediateGraceMs;
    this.#retries = new Retries(options.retry);
  }

  make(stub: StubMethod, options: CallOptions | undefined): CallInFlight {
    if (options !== undefined) checkCallOptions(options);
    const phases = options?.timeout === undefined ? stub.phases : resolveTimeout(options.timeout, stub.phases);
    const begun = phases.shared && phases.sendMs === Number.POSITIVE_INFINITY ? 0 : performance.now();
    const call = new CallInFlight(stub, phases, begun, false, options);
    call.onFailed = this.#onFailed;
    const parent = options?.parent === undefined ? currentCall() : options.parent;
    if (parent) {
      call.inherit(parent);
      call.blocked = blockedFor(stub.path, parent, false);
    }
    return call;
  }

  call(stub: StubMethod, request: unknown, options: CallOptions | undefined): Promise<unknown> {
    return new Promise((resolve) => {
      const call = this.make(stub, options);
      const signal = options?.signal;
      call.onSettled = ({ value, error }) => {
        if (error === undefined) this.#retries.succeeded();
        resolve(error === undefined ? value : failWhereAwaited(error));
      };
      if (signal !== undefined) this.heed(call, signal);
      this.begin(call, request);
    });
  }

  /** Has the signal end the call, which is told to who hears of its end already. */
  heed(call: CallInFlight, signal: AbortSignal): void {
    const onAbort = (): void => this.#calls.cancel(call, aborted(call, signal));
    const { onSettled } = call;
    call.onSettled = (ended) => {
      signal.removeEventListener('abort', onAbort);
      onSettled?.(ended);
    };
    if (signal.aborted) call.fail(aborted(call, signal));
    else signal.addEventListener('abort', onAbort, { once: true });
  }

  #follow(call: CallInFlight, parent: ParentCall): void {
    if (call.settled) return;
    const unfollow = followCall(parent, (reason) =>
      this.#calls.cancel(call, parentStopped(call.stub.path, parent, reason)),
    );
    if (!call.settled) call.unfollow = unfollow;
  }

  /** Sends the request, once there is a connection. Never throws: how the call ends is told to its `onSettled`. */
  begin(call: CallInFlight, request: unknown): void {
    if (call.parent !== undefined && call.unfollow === undefined) this.#follow(call, call.parent);
    if (call.settled) return;
    call.request = request;
    if (call.expiredAtOnce) {
      this.#calls.expire(call);
      return;
    }
    this.#calls.add(call);
    this.#go(call, request);
  }

  /** An attempt: the first, or another. */
  #go(call: CallInFlight, request: unknown): void {
    const open = this.#connection.pick(call.avoided);
    if (open !== undefined) {
      this.#send(open, call, request);
      return;
    }
    // The wait for a connection is bounded by the connection itself, or by the call's own deadline if that comes first.
    if (call.phases.immediate) call.moveDeadline(performance.now() + Math.max(this.#graceMs, IMMEDIATE_CONNECT_MS));
    this.#calls.watch(call);
    try {
      if (call.blocked !== undefined) checkDeadlock(call, this.#connection.places, undefined);
    } catch (error) {
      this.#fail(call, error);
      return;
    }
    const waits = call.waitForReady && !call.phases.immediate;
    (waits ? this.#connection.openWaiting(call) : this.#connection.open()).then(
      (opened) => {
        if (call.settled) return;
        // It may have been told already that its server takes no more calls.
        if (opened.channel.calleeLeaves) this.#go(call, request);
        else this.#send(opened, call, request);
      },
      (error: unknown) => this.#fail(call, error),
    );
  }

  #send(open: OpenChannel, call: CallInFlight, request: unknown): void {
    call.goesOver(open.channel);
    try {
      if (call.phases.immediate) this.#probe(open, call, request);
      else this.#sendNowOrLater(open, call, request);
    } catch (error) {
      this.#fail(call, error);
    }
  }

  #probe(open: OpenChannel, call: CallInFlight, request: unknown): void {
    if (open.oneWay) {
      // Nobody can answer: that the link takes it now is all there is to know.
      if (open.channel.outbox.length > 0 || !trySendRequest(open, call, request)) {
        throw notReady(call.stub.path, 'the link has no room');
      }
      this.#sent(open, call);
      return;
    }
    if (open.channel.outbox.length > 0 || !trySendProbe(open, call)) {
      throw notReady(call.stub.path, 'the link has no room');
    }
    call.stage = 'asking';
    call.moveDeadline(performance.now() + this.#graceMs);
    open.channel.queueFlush();
    this.#calls.watch(call);
    call.onReady = () => {
      try {
        this.#sendNowOrLater(open, call, request);
      } catch (error) {
        this.#fail(call, error);
      }
    };
  }

  #sendNowOrLater(open: OpenChannel, call: CallInFlight, request: unknown): void {
    call.stage = 'sending';
    this.#calls.watch(call);
    const { channel } = open;
    if (channel.outbox.length === 0 && trySendRequest(open, call, request)) {
      this.#sent(open, call);
      return;
    }
    const attempt = (): boolean => {
      if (call.settled || call.channel !== channel) return true;
      try {
        if (!trySendRequest(open, call, request)) return false;
        this.#sent(open, call);
      } catch (error) {
        this.#fail(call, error);
      }
      return true;
    };
    const deferred = { bytes: requestBytes(open, call, request), attempt };
    call.withdraw = () => channel.outbox.remove(deferred);
    channel.outbox.add(deferred);
  }

  #sent(open: OpenChannel, call: CallInFlight): void {
    call.stage = 'replying';
    call.fate = 'unknown';
    open.channel.queueFlush();
    call.onSent?.(open.channel);
    if (call.stub.method.oneway) {
      this.#calls.remove(call);
      // Nothing is waited for, so that a caller who awaits one after the other would never let the event loop turn.
      if (turnIsDue(performance.now())) void turn().then(() => call.succeed(undefined));
      else call.succeed(undefined);
    }
  }

  #fail(call: CallInFlight, thrown: unknown): void {
    const error = RpcError.from(thrown, 'INTERNAL');
    this.#calls.failed(call, error.failed === 'channel' ? channelError(call, error) : error);
  }

  /** True when another attempt is made. One field for all calls: none makes a closure for what seldom happens. */
  readonly #onFailed = (call: CallInFlight, error: RpcError): boolean => {
    const waitMs = this.#retries.next(call, error);
    if (waitMs === undefined) {
      // Why the callee refused says more than that it can't be reached any more.
      if (call.refusal !== undefined && call.channel === undefined) call.fail(call.refusal);
      return call.settled;
    }
    if (call.channel !== undefined && (call.fate === 'refused' || call.channel.ended)) {
      this.#connection.retire(call.channel);
    }
    call.reopen(performance.now());
    call.hindrance = error;
    this.#calls.add(call);
    this.#calls.watch(call);
    // Never from within what failed: a link that refuses at once would be tried again from there.
    const timer = setTimeout(() => this.#go(call, call.request), waitMs);
    call.withdraw = () => clearTimeout(timer);
    return true;
  };
}

function aborted(call: CallInFlight, signal: AbortSignal): RpcError {
  if (RpcError.is(signal.reason) && signal.reason.reason === Reason.DEADLINE) {
    // The signal of a handler whose own deadline has passed.
    const words = `${call.stub.path}: aborted by the caller, whose deadline passed: ${signal.reason.message}`;
    return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE, cause: signal.reason });
  }
  const why = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
  return new RpcError('CANCELLED', `${call.stub.path}: aborted by the caller: ${why}`, {
    reason: Reason.ABORTED_BY_CALLER,
    cause: signal.reason,
  });
}
