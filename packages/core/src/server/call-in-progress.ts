import {
  BLOCKED_KEY,
  type BlockedThread,
  type Channel,
  closeAll,
  decodeBlocked,
  type FollowedCall,
  type Metadata,
  NO_HANDLES,
  previousAttempts,
  reservedOf,
  type StreamPump,
  type StreamReceiver,
  takeOver,
} from '../channel/index.js';
import type { CallbackOptions, Client } from '../client/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import type { RpcError } from '../errors/index.js';
import type { Handle, Peer } from '../transport/contract.js';
import { CallMetadata } from './call-metadata.js';
import type { CallContext } from './handlers.js';
import type { PeerChannel } from './peer-channel.js';
import type { Route } from './router.js';

/** One call that a handler works on; the handler sees it as its context. */
export class CallInProgress implements CallContext, FollowedCall {
  readonly id: number;
  readonly route: Route;
  readonly peer: Peer;
  readonly channel: PeerChannel;
  deadline: number;
  /** What its handler is to be given, until it begins. */
  request: unknown;
  /** False once nobody wants the reply any more: answered, cancelled, expired, or the caller is gone. */
  wanted = true;
  /** Its handler is done. */
  over = false;
  /** A handler has it. */
  taken = false;
  /** When it came, where how long it takes is kept: an instant of performance.now(). */
  arrived = 0;
  #counted = false;
  /** Takes the call out of the queue in which it waits for a slot. */
  withdraw: (() => void) | undefined;
  /** The caller's stream, and whether it has said that it is complete. */
  incoming: StreamReceiver<unknown> | undefined;
  requestsEnded = false;
  /** The handler's stream, once there is one. */
  outgoing: StreamPump | undefined;
  /** Ends the handler's stream when the call is stopped. */
  onStop: (() => void) | undefined;
  /** The caller wants to be told when a handler has it. */
  readonly confirm: boolean;
  readonly oneway: boolean;
  /** Those of the request that nobody has taken. */
  #received: readonly Handle[];
  /** Those in fields of what the handler was given. Never closed while it works: it may be reading from them. */
  #inFields: Handle[] | undefined;
  #pruneAt = 64;
  /** The handler has begun and is not done. */
  working = false;
  /** Those of the reply. */
  #given: readonly Handle[] = NO_HANDLES;
  #ownMeta: CallMetadata | undefined;
  readonly #channel: Channel;
  #abort: AbortController | undefined;
  #aborted: unknown;
  #atEnd: (() => void)[] | undefined;
  /** Calls that are made for it. */
  #followers: Set<(reason: unknown) => void> | undefined;

  /** Becomes the owner of `received`. */
  constructor(
    id: number,
    route: Route,
    channel: Channel,
    shown: PeerChannel,
    deadline: number,
    confirm: boolean,
    oneway: boolean,
    received: readonly Handle[] = NO_HANDLES,
    metadata?: Metadata,
  ) {
    this.id = id;
    this.route = route;
    this.#channel = channel;
    this.peer = channel.link.peer;
    this.channel = shown;
    this.deadline = deadline;
    this.confirm = confirm;
    this.oneway = oneway;
    this.#received = received;
    this.#ownMeta = metadata === undefined ? undefined : new CallMetadata(metadata);
  }

  get path(): string {
    return this.route.path;
  }

  /** Made when first asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted !== undefined) this.#abort.abort(this.#aborted);
    return this.#abort.signal;
  }

  client<S extends ServiceDefinition>(service: S, options?: CallbackOptions): Client<S> {
    return this.channel.client(service, options);
  }

  takeHandles(): readonly Handle[] {
    const handles = this.#received;
    this.#received = NO_HANDLES;
    return handles;
  }

  /** Takes over the handles in the fields of a request, or of one of many. */
  keepInFields(handles: readonly Handle[]): void {
    if (handles.length === 0) return;
    this.#inFields ??= [];
    this.#inFields.push(...handles);
    if (this.#inFields.length < this.#pruneAt) return;
    // A stream may go on for ever: what its reader has closed or taken is not remembered.
    this.#inFields = this.#inFields.filter(({ value }) => value >= 0);
    this.#pruneAt = Math.max(64, 2 * this.#inFields.length);
  }

  /** As `takeHandles`, of all that came with a request that is decoded next: those that turn out to be in its fields, too. */
  set received(handles: readonly Handle[]) {
    this.#received = handles;
  }

  giveHandles(handles: readonly Handle[]): void {
    const given = takeOver(handles);
    if (given === NO_HANDLES) return;
    if (this.wanted && !this.oneway) this.#given = [...this.#given, ...given];
    else closeAll(given);
  }

  allocate(bytes: number): Buffer {
    return this.#channel.loans.allocate(bytes);
  }

  /** What goes with the reply; undefined for none. */
  get given(): readonly Handle[] | undefined {
    return this.#given === NO_HANDLES ? undefined : this.#given;
  }

  get previousAttempts(): number {
    return this.#ownMeta === undefined ? 0 : previousAttempts(this.metadata);
  }

  get metadata(): Metadata {
    return this.#meta.received;
  }

  get headers(): Metadata {
    return this.#meta.headers;
  }

  get trailers(): Metadata {
    return this.#meta.trailers;
  }

  sendHeaders(): void {
    // Where nobody is greeted, one answer to each request is all that there is: they go with it.
    const early = this.#channel.remote !== undefined && this.wanted && !this.oneway;
    if (early) this.#meta.sendHeaders(this.#channel, this.id, this.path);
    else this.#meta.freeze(this.path);
  }

  /** Sends headers that were set ahead of a stream's first message, when there are any. */
  announce(): void {
    if (this.#ownMeta !== undefined && this.#ownMeta.headers.size > 0) this.sendHeaders();
  }

  get blockedThreads(): readonly BlockedThread[] {
    return decodeBlocked(reservedOf(this.#ownMeta?.received, BLOCKED_KEY));
  }

  get #meta(): CallMetadata {
    this.#ownMeta ??= new CallMetadata();
    return this.#ownMeta;
  }

  /** The metadata that goes with the reply, as a block; undefined for none. */
  get replyBlock(): Buffer | undefined {
    return this.#ownMeta?.block();
  }

  /** The handler is done. */
  closeReceived(): void {
    if (this.#received !== NO_HANDLES) closeAll(this.takeHandles());
  }

  /** The handler is done, and its reply, which may give some of them on, has gone. */
  closeInFields(): void {
    if (this.#inFields !== undefined) closeAll(this.#inFields.splice(0));
  }

  /** No reply will go out, or it has, and what went with it is the link's. */
  closeHandles(): void {
    this.closeReceived();
    if (!this.working) this.closeInFields();
    if (this.#given === NO_HANDLES) return;
    closeAll(this.#given);
    this.#given = NO_HANDLES;
  }

  /** Calls `listener` when the handler is done. */
  atEnd(listener: () => void): void {
    this.#atEnd ??= [];
    this.#atEnd.push(listener);
  }

  /** The handler is done, and what was made for this call goes with it. */
  finished(): void {
    if (this.#atEnd === undefined) return;
    const listeners = this.#atEnd.splice(0);
    for (const listener of listeners) listener();
  }

  /** Counts it, once, as ended so. `answered`: its caller gets an answer now. */
  countEnd(status: number, answered: boolean): void {
    if (this.#counted) return;
    this.#counted = true;
    const { counts } = this.route;
    counts.ended(status);
    if (answered && counts.timed && this.taken) counts.took(performance.now() - this.arrived);
  }

  stop(reason: RpcError): void {
    this.countEnd(reason.status, false);
    this.wanted = false;
    this.closeHandles();
    this.withdraw?.();
    this.#aborted = reason;
    this.#abort?.abort(reason);
    this.incoming?.discard();
    this.incoming?.end(reason);
    this.onStop?.();
    this.onStop = undefined;
    const followers = this.#followers;
    this.#followers = undefined;
    if (followers !== undefined) for (const follower of followers) follower(reason);
  }

  follow(listener: (reason: unknown) => void): () => void {
    if (this.#aborted !== undefined) {
      listener(this.#aborted);
      return () => undefined;
    }
    this.#followers ??= new Set();
    this.#followers.add(listener);
    return () => void this.#followers?.delete(listener);
  }
}
