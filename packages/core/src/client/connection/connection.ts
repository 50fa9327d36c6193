import {
  type Channel,
  deadlinePassed,
  Life,
  meetingPlaceOf,
  receiveLoop,
  receiveRest,
  receiveUntil,
  runForNobody,
} from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, LinkEnd, Peer } from '../../transport/contract.js';
import type { StubMethod } from '../call-in-flight.js';
import type { CallsInFlight } from '../calls-in-flight.js';
import { Attempts } from './attempts.js';
import type { ResolvedReconnectOptions } from './backoff.js';
import { Connectivity } from './connectivity.js';
import { type OpenChannel, type OpeningOptions, openAsync, openSync } from './open-channel.js';
import { passes } from './passes.js';
import { sleepUntil } from './pause.js';
import { Persistence } from './persistence.js';
import type { Target } from './target.js';
import type { AddressStats, Waiting, Way } from './way.js';

/** Milliseconds that an `immediate` call gives its client to connect, unless its grace is longer: making a link is no waiting. */
export const IMMEDIATE_CONNECT_MS = 250;

export interface ConnectionOptions extends OpeningOptions {
  readonly reconnect: ResolvedReconnectOptions;
  /** The connection keeps the event loop alive also while no call is in flight. */
  readonly keepAlive: boolean;
}

/**
 * A client's way to one address: opened by the first call, and again by the first call after it was lost. Attempts that
 * fail are made at growing intervals; who asks in between gets the last failure, or waits.
 */
export class Connection implements Way {
  readonly connectivity = new Connectivity();
  /** Of the connections, one after the other. */
  readonly life = new Life();
  readonly #target: () => Target;
  readonly #url: string;
  #places: readonly string[] | undefined;
  readonly #methods: readonly StubMethod[];
  readonly #calls: CallsInFlight;
  readonly #options: ConnectionOptions;
  readonly #attempts: Attempts;
  readonly #persistence: Persistence;
  #opening: Promise<OpenChannel> | undefined;
  #open: OpenChannel | undefined;
  /** Those that live: the open one, and those on which a server that takes no more still answers. */
  readonly #channels = new Set<Channel>();
  #ended: LinkEnd | undefined;
  /** Calls over channels that have ended. */
  #callsBefore = 0;
  #closed: RpcError | undefined;
  /** Ends an opening that is under way. */
  readonly #giveUp = new AbortController();

  constructor(
    url: string,
    target: () => Target,
    methods: readonly StubMethod[],
    calls: CallsInFlight,
    options: ConnectionOptions,
  ) {
    this.#url = url;
    this.#target = target;
    this.#methods = methods;
    this.#calls = calls;
    this.#options = options;
    this.#attempts = new Attempts(options.reconnect);
    this.#persistence = new Persistence(this.#attempts, () => this.open());
  }

  pick(): OpenChannel | undefined {
    return this.#open;
  }

  /** When the next attempt may be made: an instant of performance.now(). */
  get retryAt(): number {
    return this.#attempts.retryAt;
  }

  /** Forgets the failures before: the next attempt may be made at once. */
  tryAnew(): void {
    this.#attempts.anew();
  }

  /** Whether `open` would make an attempt. */
  mayTry(now: number): boolean {
    return this.#closed === undefined && this.#opening === undefined && this.#attempts.tooEarly(now) === undefined;
  }

  get addresses(): readonly AddressStats[] {
    const live = [...this.#channels];
    return [
      {
        url: this.#url,
        state: this.connectivity.state,
        inFlight: live.reduce((sum, { callsOut }) => sum + callsOut, 0),
        calls: live.reduce((sum, { callsBegun }) => sum + callsBegun, this.#callsBefore),
        failures: this.#attempts.failures,
        lastError: this.#attempts.failure,
      },
    ];
  }

  get places(): readonly string[] {
    this.#places ??= [meetingPlaceOf(this.#target().transport, this.#url)];
    return this.#places;
  }

  get peer(): Peer | undefined {
    return this.#open?.channel.link.peer;
  }

  /** How the last channel ended; undefined while there is one, and before the first. */
  get lastEnd(): LinkEnd | undefined {
    return this.#open === undefined ? this.#ended : undefined;
  }

  open(): Promise<OpenChannel> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    if (this.#opening === undefined) {
      const early = this.#attempts.tooEarly(performance.now());
      if (early !== undefined) return Promise.reject(early);
      // A connection outlives the call that opens it.
      this.#opening = runForNobody(() => this.#attempt()).finally(() => {
        this.#opening = undefined;
      });
    }
    return this.#opening;
  }

  openWaiting(waiting: Waiting): Promise<OpenChannel> {
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    return this.#persistence.openFor(waiting);
  }

  /** `patienceMs`: how long an attempt may take at most, beside the call's own deadline. */
  openSync(
    deadline: Deadline,
    waiting: Waiting | undefined,
    _avoided?: Channel,
    patienceMs = Number.POSITIVE_INFINITY,
  ): OpenChannel {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#open !== undefined && !this.#open.channel.ended) return this.#open;
    if (this.#open !== undefined) receiveRest(this.#open.channel);
    this.#leaveRetired();
    for (;;) {
      const now = performance.now();
      const { retryAt } = this.#attempts;
      const early = waiting === undefined ? this.#attempts.tooEarly(now) : undefined;
      if (early !== undefined) throw early;
      if (waiting !== undefined && now < retryAt) {
        waiting.hindrance ??= this.#attempts.failure;
        sleepUntil(Math.min(retryAt, deadline), now);
        if (retryAt >= deadline) throw deadlinePassed('waiting for a connection');
      }
      try {
        return this.#attemptSync(deadline, patienceMs);
      } catch (error) {
        if (waiting === undefined || !passes(error) || performance.now() >= deadline) throw error;
        waiting.hindrance = error;
      }
    }
  }

  retire(channel: Channel): void {
    if (this.#passOver(channel) && (channel.ended || channel.callsOut === 0)) this.#leave(channel);
  }

  /** What is in flight goes on there, and new calls need another; false if they do already. */
  #passOver(channel: Channel): boolean {
    if (this.#open?.channel !== channel) return false;
    this.#open = undefined;
    this.connectivity.become('idle');
    return true;
  }

  look(): void {
    if (this.#open !== undefined) receiveUntil(this.#open.channel, NEVER_SETTLED, LONG_AGO);
    this.#leaveRetired();
  }

  /** Channels that get no more calls, and over which the last stream has ended. */
  #leaveRetired(): void {
    for (const channel of this.#channels)
      if (channel !== this.#open?.channel && !channel.callsOut) this.#leave(channel);
  }

  /** Where a thread blocks, nobody would ever look at the channel again. */
  #leave(channel: Channel): void {
    if (this.#options.mode === 'sync') channel.link.closeSync(LONG_AGO);
    if (this.#options.mode === 'sync') channel.linkEnded();
  }

  keepAlive(alive: boolean): void {
    for (const { link } of this.#channels) {
      if (alive || this.#options.keepAlive) link.ref();
      else link.unref();
    }
    this.#persistence.keepAlive(alive);
  }

  async close(): Promise<void> {
    const error = this.#markClosed();
    this.#giveUp.abort(error);
    this.#persistence.end();
    const open = this.#open ?? (await this.#opening?.catch(() => undefined));
    if (open !== undefined) this.#channels.add(open.channel);
    await Promise.all([...this.#channels].map(({ link }) => link.close()));
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
  }

  closeSync(): void {
    const error = this.#markClosed();
    const open = this.#open;
    for (const channel of this.#channels) {
      channel.link.closeSync();
      channel.linkEnded();
    }
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
  }

  #markClosed(): RpcError {
    const words = `the client of ${this.#methods[0]?.service.typeName ?? 'this service'} is closed`;
    this.#closed ??= new RpcError('FAILED_PRECONDITION', words, { reason: Reason.CLOSED });
    this.connectivity.become('closed');
    return this.#closed;
  }

  async #attempt(): Promise<OpenChannel> {
    this.connectivity.become('connecting');
    try {
      const { signal } = this.#giveUp;
      const open = await openAsync(this.#target(), this.#methods, this.#options, signal, (opened) =>
        this.#adopt(opened),
      );
      void receiveLoop(open.channel);
      return open;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #attemptSync(deadline: Deadline, patienceMs: number): OpenChannel {
    this.connectivity.become('connecting');
    try {
      const before = Math.min(deadline, performance.now() + patienceMs);
      return openSync(this.#target(), this.#methods, this.#options, before, (opened) => this.#adopt(opened));
    } catch (error) {
      // That the call had no more time says nothing of the server.
      if (performance.now() < deadline) this.#failed(error);
      else this.connectivity.become(this.#attempts.failure === undefined ? 'idle' : 'transient-failure');
      throw error;
    }
  }

  #failed(error: unknown): void {
    this.#attempts.failed(error);
    this.connectivity.become('transient-failure');
  }

  #adopt(open: OpenChannel): OpenChannel {
    const { channel } = open;
    const { link } = channel;
    channel.replies = {
      onReply: (envelope, span) => this.#calls.onReply(envelope, span),
      onGoAway: () => {
        // What was said to it, from a thread that may be busy elsewhere from now on. The server closes the channel.
        if (this.#options.mode === 'sync') link.flush();
        this.#passOver(channel);
      },
      onEnd: (end) => {
        this.#channels.delete(channel);
        this.#callsBefore += channel.callsBegun;
        if (!end.orderly) this.#attempts.failures++;
        // Another may have taken its place before: then its end in good order is nobody's news.
        const replaced = end.orderly && this.#open !== undefined && this.#open.channel !== channel;
        if (!replaced) this.#ended = end;
        this.retire(channel);
        this.#calls.failOn(channel, end);
        if (!replaced) this.life.end(end, link.peer);
      },
    };
    if (link.mark !== undefined) link.onLost = (about, error) => this.#calls.lose(channel, about, error);
    this.#open = open;
    this.#ended = undefined;
    this.life.renew();
    this.#channels.add(channel);
    this.#attempts.succeeded();
    const { offering, keepAlive } = this.#options;
    channel.requests = offering?.serve(channel);
    if (this.#calls.stats.inFlight === 0 && !keepAlive) link.unref();
    this.connectivity.become('ready');
    return open;
  }
}

const NEVER_SETTLED = { settled: false };
/** An instant that has passed. */
const LONG_AGO = Number.NEGATIVE_INFINITY;
