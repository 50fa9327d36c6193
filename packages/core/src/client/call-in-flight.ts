import type { Channel, Phases, StreamReceiver, StreamSender } from '../channel/index.js';
import type { MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import type { RpcError } from '../errors/index.js';
import type { Handle } from '../transport/contract.js';
import { type CallMeta, callMeta } from './call-meta.js';
import type { CallOptions } from './options.js';

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
}

/** How far a call has come, as its errors tell it. */
export type Stage = 'connecting' | 'asking' | 'sending' | 'replying';

/** One call that has begun and not ended. Settles once. */
export class CallInFlight {
  readonly stub: StubMethod;
  readonly phases: Phases;
  readonly begunMs: number;
  /** The caller's thread blocks and minds the deadline by itself. */
  readonly blocking: boolean;
  /** See CallOptions. */
  readonly handles: readonly Handle[] | undefined;
  readonly handlesInto: Handle[] | undefined;
  /** Its metadata, both ways; undefined when nobody has said a word of it. */
  readonly meta: CallMeta | undefined;
  id = 0;
  urgent = false;
  /** See CallOptions. */
  waitForReady = false;
  /** Why it has no connection yet. */
  hindrance: RpcError | undefined;
  stage: Stage = 'connecting';
  channel: Channel | undefined;
  /** Instant of performance.now() at which the call fails unless something moves it. */
  deadline: number;
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
    this.handles = options?.handles;
    this.handlesInto = options?.handlesInto;
    this.deadline = begunMs + phases.sendMs;
  }

  /** The callee may have something of the call: a slot that a probe reserved, or the request. */
  get begunThere(): boolean {
    return this.stage === 'asking' || this.stage === 'replying' || (this.stage === 'sending' && this.phases.immediate);
  }

  succeed(value: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.value = value;
    this.onSettled?.(this);
  }

  fail(error: RpcError): void {
    if (this.settled) return;
    this.settled = true;
    this.error = error;
    this.withdraw?.();
    this.onSettled?.(this);
  }

  /** The callee has taken the call: from now on only the reply's policy counts. */
  taken(nowMs: number): void {
    if (!this.phases.shared) this.deadline = nowMs + this.phases.replyMs;
  }
}
