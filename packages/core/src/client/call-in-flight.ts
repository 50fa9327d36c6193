import {
  type BlockedThread,
  blockWithAttempts,
  type Channel,
  type ParentCall,
  type Phases,
  type StreamReceiver,
  type StreamSender,
} from '../channel/index.js';
import type { MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import type { RpcError } from '../errors/index.js';
import type { Handle } from '../transport/contract.js';
import { type CallMeta, callMeta } from './call-meta.js';
import type { CallOptions } from './options.js';
import { type ResolvedRetryPolicy, resolveRetry } from './retry/policy.js';

/** A method as a stub holds it: resolved once, when the stub is made. */
export interface StubMethod {
  readonly service: ServiceDefinition;
  readonly method: MethodDefinition;
  /** In words: `geo.Geo/LookUp`. */
  readonly path: string;
  /** Place in the stub, and in the table of method ids of each channel. */
  readonly index: number;
  /** Timeout of a call that states none. */
  readonly phases: Phases;
  /** Whether a call that does not say is urgent. */
  readonly urgent: boolean;
  /** Of a call that does not say. */
  readonly waitForReady: boolean;
  readonly retry: ResolvedRetryPolicy | false | undefined;
  /** Replies can have handles in their fields. */
  readonly handlesBack: boolean;
}

/** How far a call has come, as its errors tell it. */
export type Stage = 'connecting' | 'asking' | 'sending' | 'replying';

/**
 * What is known of where the request is: `unsent`, never given to a link; `refused`, no handler has had it and none
 * will; `unknown`, a handler may have had it.
 */
export type Fate = 'unsent' | 'refused' | 'unknown';

/** One call that has begun and not ended. Settles once. */
export class CallInFlight {
  readonly stub: StubMethod;
  readonly phases: Phases;
  begunMs: number;
  /** The caller's thread blocks and minds the deadline by itself. */
  readonly blocking: boolean;
  /** See CallOptions. */
  readonly handles: readonly Handle[] | undefined;
  readonly handlesInto: Handle[] | undefined;
  /** Its metadata, both ways; undefined when nobody has said a word of it. */
  meta: CallMeta | undefined;
  id = 0;
  readonly urgent: boolean;
  readonly waitForReady: boolean;
  request: unknown;
  fate: Fate = 'unsent';
  /** When it is made again; undefined: only if that can't be noticed. */
  readonly retry: ResolvedRetryPolicy | false | undefined;
  /** Instant of performance.now() that bounds all attempts. */
  latest: number;
  /** Attempts that ended before, as far as the callee may have seen them. */
  previousAttempts = 0;
  /** Attempts that counted for the policy, and requests that were sent anew since they had never left. */
  tried = 0;
  resent = 0;
  /** The callee's own word, when it refused the call before it was sent anew. */
  refusal: RpcError | undefined;
  /** An attempt has failed: true when another one is made. */
  onFailed: ((call: CallInFlight, error: RpcError) => boolean) | undefined;
  /** Why it has no connection yet. */
  hindrance: RpcError | undefined;
  stage: Stage = 'connecting';
  channel: Channel | undefined;
  /** Over which the last attempt failed. */
  avoided: Channel | undefined;
  /** Instant of performance.now() at which the call fails unless something moves it. */
  deadline: number;
  /** The call for which it is made, if any, and its deadline, past which nothing moves this one's. */
  parent: ParentCall | undefined;
  limit = Number.POSITIVE_INFINITY;
  /** Those who block until it is answered. */
  blocked: readonly BlockedThread[] | undefined;
  /** The request says who they are, if it can. */
  blockedTold = false;
  /** No longer heeds the parent. */
  unfollow: (() => void) | undefined;
  settled = false;
  value: unknown;
  error: RpcError | undefined;
  /** For awaiting callers. */
  onSettled: ((call: CallInFlight) => void) | undefined;
  /** A probe was answered with yes: send the request. */
  onReady: ((call: CallInFlight) => void) | undefined;
  /** The request is in the link: what follows it may be sent. */
  onSent: ((channel: Channel) => void) | undefined;
  /** Where the messages of a reply that streams go. */
  incoming: StreamReceiver<unknown> | undefined;
  /** Some have come. */
  itemsCame = false;
  /** Whence those of a request that streams come. */
  outgoing: StreamSender | undefined;
  /** The callee has read some of what was sent: go on. */
  onCredit: (() => void) | undefined;
  /** Takes the request out of the outbox in which it waits for room. */
  withdraw: (() => void) | undefined;

  constructor(stub: StubMethod, phases: Phases, begunMs: number, blocking: boolean, options?: CallOptions) {
    this.stub = stub;
    this.phases = phases;
    this.begunMs = begunMs;
    this.blocking = blocking;
    this.meta = options === undefined ? undefined : callMeta(options, stub.path);
    this.urgent = options?.urgent ?? stub.urgent;
    this.waitForReady = options?.waitForReady ?? stub.waitForReady;
    this.retry = options?.retry === undefined ? stub.retry : resolveRetry(options.retry);
    this.handles = options?.handles;
    this.handlesInto = options?.handlesInto;
    this.deadline = begunMs + phases.sendMs;
    this.latest = phases.shared ? this.deadline : this.deadline + phases.replyMs;
  }

  /** Begins anew, after an attempt that failed at `now`. Needs a new id. */
  reopen(now: number): void {
    this.withdraw?.();
    this.withdraw = undefined;
    this.settled = false;
    this.error = undefined;
    this.stage = 'connecting';
    this.meta?.beginAgain();
    this.avoided = this.channel;
    this.channel = undefined;
    this.fate = 'unsent';
    if (!this.phases.shared) this.deadline = Math.min(now + this.phases.sendMs, this.latest);
  }

  /** The metadata that goes with the request; undefined for none. */
  requestBlock(): Buffer | undefined {
    if (this.previousAttempts === 0) return this.meta?.requestBlock();
    return blockWithAttempts(this.meta?.metadata, this.previousAttempts);
  }

  /** The callee may have something of the call: a slot that a probe reserved, or the request. */
  get begunThere(): boolean {
    return this.stage === 'asking' || this.stage === 'replying' || (this.stage === 'sending' && this.phases.immediate);
  }

  succeed(value: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.value = value;
    this.unfollow?.();
    this.onSettled?.(this);
  }

  fail(error: RpcError): void {
    if (this.settled) return;
    this.settled = true;
    this.error = error;
    this.withdraw?.();
    this.unfollow?.();
    this.onSettled?.(this);
  }

  /** From now on a failure of the channel is the call's. */
  goesOver(channel: Channel): void {
    this.channel = channel;
    channel.callsOut++;
    channel.callsBegun++;
  }

  /** Undoes it, where nothing of the call was sent. */
  leavesChannel(): void {
    if (this.channel === undefined) return;
    this.channel.callsOut--;
    this.channel.callsBegun--;
    this.channel = undefined;
  }

  /** The callee has taken the call: from now on only the reply's policy counts. */
  taken(nowMs: number): void {
    if (!this.phases.shared) this.moveDeadline(Math.min(nowMs + this.phases.replyMs, this.latest));
  }

  moveDeadline(deadline: number): void {
    this.deadline = Math.min(deadline, this.limit);
  }

  /** Its deadline is not later than that of the call for which it is made. */
  inherit(parent: ParentCall): void {
    this.parent = parent;
    this.limit = parent.deadline;
    if (this.limit === Number.POSITIVE_INFINITY) return;
    if (this.begunMs === 0) this.begunMs = performance.now();
    this.latest = Math.min(this.latest, this.limit);
    this.moveDeadline(this.deadline);
  }

  /** There is no time for it at all. */
  get expiredAtOnce(): boolean {
    return (this.phases.sendMs === 0 && !this.phases.immediate) || this.limit <= this.begunMs;
  }
}
