import { deadlinePassed, Life, receiveLoop, receiveRest, receiveUntil } from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, LinkEnd, Peer } from '../../transport/contract.js';
import type { StubMethod } from '../call-in-flight.js';
import type { CallsInFlight } from '../calls-in-flight.js';
import { Backoff, type ResolvedReconnectOptions } from './backoff.js';
import { Connectivity } from './connectivity.js';
import { type OpenChannel, type OpeningOptions, openAsync, openSync } from './open-channel.js';
import { Pause, sleepUntil } from './pause.js';
import type { Target } from './target.js';

/** Milliseconds that an `immediate` call gives its client to connect, unless its grace is longer: making a link is no waiting. */
export const IMMEDIATE_CONNECT_MS = 250;

export interface ConnectionOptions extends OpeningOptions {
  readonly reconnect: ResolvedReconnectOptions;
}

/** A call that waits for a connection, however often one can't be made. */
export interface Waiting {
  readonly settled: boolean;
  /** Told why there is none yet. */
  hindrance: RpcError | undefined;
}

/**
 * A client's way to its server: opened by the first call, and again by the first call after it was lost. Attempts that
 * fail are made at growing intervals; who asks in between gets the last failure, or waits.
 */
export class Connection {
  readonly connectivity = new Connectivity();
  /** Of the connections, one after the other. */
  readonly life = new Life();
  readonly #target: () => Target;
  readonly #methods: readonly StubMethod[];
  readonly #calls: CallsInFlight;
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  readonly #pause = new Pause();
  #opening: Promise<OpenChannel> | undefined;
  /** Those who wait for however many attempts it takes, and the promise that they share. */
  readonly #waiting = new Set<Waiting>();
  #trying: Promise<OpenChannel> | undefined;
  #open: OpenChannel | undefined;
  #ended: LinkEnd | undefined;
  /** Why the last attempt failed, if it may succeed another time. */
  #failure: RpcError | undefined;
  #closed: RpcError | undefined;
  /** Ends an opening that is under way. */
  readonly #giveUp = new AbortController();

  constructor(target: () => Target, methods: readonly StubMethod[], calls: CallsInFlight, options: ConnectionOptions) {
    this.#target = target;
    this.#methods = methods;
    this.#calls = calls;
    this.#options = options;
    this.#backoff = new Backoff(options.reconnect);
  }

  /** The live channel, if there is one. */
  get current(): OpenChannel | undefined {
    return this.#open;
  }

  get peer(): Peer | undefined {
    return this.#open?.channel.link.peer;
  }

  /** How the last channel ended; undefined while there is one, and before the first. */
  get lastEnd(): LinkEnd | undefined {
    return this.#open === undefined ? this.#ended : undefined;
  }

  /** One attempt, unless one is under way or it is too early for the next: then it fails with the last one's failure. */
  open(): Promise<OpenChannel> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    if (this.#opening === undefined) {
      const early = this.#tooEarly(performance.now());
      if (early !== undefined) return Promise.reject(early);
      this.#opening = this.#attempt().finally(() => {
        this.#opening = undefined;
      });
    }
    return this.#opening;
  }

  /** As many attempts as it takes, until whoever waits is settled. Fails with what no further attempt would change. */
  openWaiting(waiting: Waiting): Promise<OpenChannel> {
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    waiting.hindrance = this.#failure;
    this.#waiting.add(waiting);
    this.#trying ??= this.#keepTrying();
    return this.#trying;
  }

  /** Blocks the thread: for one attempt (see `open`), or for as many as it takes until the deadline (see `openWaiting`). */
  openSync(deadline: Deadline, waiting: Waiting | undefined): OpenChannel {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#open !== undefined && !this.#open.channel.ended) return this.#open;
    if (this.#open !== undefined) receiveRest(this.#open.channel);
    for (;;) {
      const now = performance.now();
      const { retryAt } = this.#backoff;
      const early = waiting === undefined ? this.#tooEarly(now) : undefined;
      if (early !== undefined) throw early;
      if (waiting !== undefined && now < retryAt) {
        waiting.hindrance ??= this.#failure;
        sleepUntil(Math.min(retryAt, deadline), now);
        if (retryAt >= deadline) throw deadlinePassed('waiting for a connection');
      }
      try {
        return this.#attemptSync(deadline);
      } catch (error) {
        if (waiting === undefined || !passes(error) || performance.now() >= deadline) throw error;
        waiting.hindrance = error;
      }
    }
  }

  /** For a thread that blocks, and hears nothing between its calls: finds out whether the server has gone meanwhile. */
  look(): void {
    if (this.#open !== undefined) receiveUntil(this.#open.channel, NEVER_SETTLED, LONG_AGO);
  }

  /** Whether the connection, or the wait for one, keeps the event loop alive: while calls are in flight. */
  keepAlive(alive: boolean): void {
    const link = this.#open?.channel.link;
    if (alive) link?.ref();
    else link?.unref();
    this.#pause.keepAlive(alive);
  }

  /** Orderly; what is in flight must have been ended before. */
  async close(): Promise<void> {
    const error = this.#markClosed();
    this.#giveUp.abort(error);
    this.#pause.end();
    const open = this.#open ?? (await this.#opening?.catch(() => undefined));
    await open?.channel.link.close();
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
  }

  closeSync(): void {
    const error = this.#markClosed();
    const open = this.#open;
    open?.channel.link.closeSync();
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
    else open.channel.linkEnded();
  }

  #markClosed(): RpcError {
    const words = `the client of ${this.#methods[0]?.service.typeName ?? 'this service'} is closed`;
    this.#closed ??= new RpcError('FAILED_PRECONDITION', words, { reason: Reason.CLOSED });
    this.connectivity.become('closed');
    return this.#closed;
  }

  async #keepTrying(): Promise<OpenChannel> {
    try {
      for (;;) {
        while (this.#closed === undefined && performance.now() < this.#backoff.retryAt) {
          await this.#pause.until(this.#backoff.retryAt);
        }
        try {
          return await this.open();
        } catch (error) {
          for (const waiting of this.#waiting) {
            if (waiting.settled) this.#waiting.delete(waiting);
            else if (passes(error)) waiting.hindrance = error;
          }
          if (this.#waiting.size === 0 || this.#closed !== undefined || !passes(error)) throw error;
        }
      }
    } finally {
      // At once, so that nobody joins a wait that is over.
      this.#trying = undefined;
      this.#waiting.clear();
    }
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

  #attemptSync(deadline: Deadline): OpenChannel {
    this.connectivity.become('connecting');
    try {
      return openSync(this.#target(), this.#methods, this.#options, deadline, (opened) => this.#adopt(opened));
    } catch (error) {
      // That the call had no more time says nothing of the server.
      if (performance.now() < deadline) this.#failed(error);
      else this.connectivity.become(this.#failure === undefined ? 'idle' : 'transient-failure');
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (passes(error)) {
      this.#failure = error;
      this.#backoff.failed(performance.now());
    }
    this.connectivity.become('transient-failure');
  }

  #tooEarly(now: number): RpcError | undefined {
    const { retryAt } = this.#backoff;
    if (this.#failure === undefined || now >= retryAt) return undefined;
    const { code, message, reason } = this.#failure;
    const words = `${message} (the next attempt to connect is made in ${Math.ceil(retryAt - now)} ms; waitForReady waits for it)`;
    return new RpcError(code, words, { reason, failed: 'channel', cause: this.#failure });
  }

  #adopt(open: OpenChannel): OpenChannel {
    const { channel } = open;
    const { link } = channel;
    channel.replies = {
      onReply: (envelope, span) => this.#calls.onReply(envelope, span),
      onEnd: (end) => {
        if (this.#open === open) this.#open = undefined;
        this.#ended = end;
        if (this.#open === undefined) this.connectivity.become('idle');
        this.#calls.failOn(channel, end);
        this.life.end(end, link.peer);
      },
    };
    if (link.mark !== undefined) link.onLost = (about, error) => this.#calls.lose(channel, about, error);
    this.#open = open;
    this.life.renew();
    this.#failure = undefined;
    this.#backoff.succeeded();
    if (this.#calls.stats.inFlight === 0) link.unref();
    this.connectivity.become('ready');
    return open;
  }
}

const NEVER_SETTLED = { settled: false };
/** An instant that has passed. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/** Another attempt may succeed: nobody was there, or nobody answered in time. */
function passes(error: unknown): error is RpcError {
  return RpcError.is(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
}
