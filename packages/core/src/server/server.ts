import {
  type ChannelEnd,
  type MakeCallbacks,
  noteThread,
  notifies,
  type PeerDeathListener,
  servingLink,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Link, TransportOptions } from '../transport/contract.js';
import { Admission } from './admission.js';
import type { CloseOptions, ListenResolver, Server } from './contract.js';
import { closeTimeoutMs, type DrainOptions, drainDeadline, goAway, LookAgain } from './drain.js';
import { drainOnSignals } from './drain-on-signals.js';
import type { Handlers } from './handlers.js';
import { checkListening, Listening, notificationsIn } from './listening.js';
import { OfferedServices } from './offered-services.js';
import { type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.js';
import { noPool, type ServerPool, shownPool } from './pool/front.js';
import { resolvePoolKnobs, resolvePoolStart } from './pool/options.js';
import { Pool } from './pool/pool.js';
import type { PoolMeans } from './pool/threads.js';
import { ServedLinks } from './served-links.js';
import type { ServiceClass, ServiceMaker, ServiceModule } from './services.js';
import { settledWithin } from './settled-within.js';
import type { ServerStats } from './stats/server-stats.js';

/** What a server needs of whoever composes it, as far as it is to do that. */
export interface ServerParts {
  /** How it calls what its clients offer. */
  readonly makeCallbacks?: MakeCallbacks | undefined;
  /** How it makes services of classes and modules. */
  readonly services?: ServiceMaker | undefined;
  /** How it starts workers. */
  readonly pool?: PoolMeans | undefined;
}

export function createServerOn(resolve: ListenResolver, options: ServerOptions = {}, parts: ServerParts = {}): Server {
  return new LinkServer(resolve, resolveServerOptions(options), parts);
}

/** Runs handlers on the event loop of the thread that made it, or has the workers of its pool run them. */
class LinkServer implements Server {
  readonly #resolve: ListenResolver;
  readonly #options: ResolvedServerOptions;
  readonly #admission: Admission;
  readonly #offering: OfferedServices;
  readonly #pool: Pool | undefined;
  readonly #listening = new Listening();
  readonly #links: ServedLinks;
  #closing: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  readonly #lookAgain = new LookAgain();
  readonly #mourners = new Set<{ readonly listener: PeerDeathListener }>();

  constructor(resolve: ListenResolver, options: ResolvedServerOptions, parts: ServerParts) {
    noteThread('serves');
    this.#resolve = resolve;
    this.#options = options;
    this.#pool = poolOf(options, parts.pool);
    this.#offering = new OfferedServices({ server: options, pool: this.#pool, maker: parts.services });
    this.#admission = new Admission(options.maxConcurrentCalls, options.maxQueuedCalls);
    this.#links = new ServedLinks({
      server: options,
      admission: this.#admission,
      makeCallbacks: parts.makeCallbacks,
      pool: this.#pool,
      draining: () => this.#closing !== undefined,
      onPeerDeath: (end) => this.#mourn(end),
    });
  }

  stats(): ServerStats {
    const { running, queued } = this.#pool ?? this.#admission;
    return {
      links: this.#links.size,
      running,
      queued,
      ...this.#links.counts,
      ...(this.#pool !== undefined && { workers: this.#pool.census() }),
      methods: this.#offering.stats,
    };
  }

  get pool(): ServerPool {
    if (this.#pool === undefined) throw noPool();
    return shownPool(this.#pool);
  }

  add<S extends ServiceDefinition>(service: S, given: Handlers<S> | ServiceClass<S> | ServiceModule): Server {
    this.#offering.add(service, given);
    return this;
  }

  async listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]> {
    this.#checkOpen();
    const urls: string[] = [];
    const targets = this.#resolve(url, transportOptions, this.#offering.services);
    await this.#offering.ready();
    this.#checkOpen();
    for (const target of targets) {
      const { address, transport } = target;
      const { capabilities } = transport;
      checkListening(target, this.#offering.services);
      const onLink = (link: Link): void =>
        void this.#links.serve(servingLink(link, capabilities, target.transportOptions), target, this.#offering.now);
      const { onError } = this.#options;
      const notifications = notifies(capabilities) ? notificationsIn(this.#offering.services) : undefined;
      const listener = await transport.listen(address, target.transportOptions, onLink, onError, notifications);
      if (this.#leaves) await listener.close();
      this.#checkOpen();
      this.#listening.add(listener, target);
      urls.push(listener.url);
    }
    return urls;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const timeoutMs = closeTimeoutMs(options);
    this.#closing ??= this.#close(timeoutMs, options.epitaph);
    this.#lookAgain.wake();
    return this.#closing;
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const until = drainDeadline(options, performance.now());
    this.#draining ??= this.#drain(until, options.epitaph);
    return this.#draining;
  }

  drainOnSignals(signals: readonly NodeJS.Signals[] = ['SIGTERM'], options?: DrainOptions): () => void {
    return drainOnSignals(this, signals, options);
  }

  onPeerDeath(listener: PeerDeathListener): () => void {
    const entry = { listener };
    this.#mourners.add(entry);
    return () => void this.#mourners.delete(entry);
  }

  #mourn(end: ChannelEnd): void {
    // One each: what one throws is the process's to hear of, and no reason for others not to hear theirs.
    for (const entry of this.#mourners) {
      queueMicrotask(() => {
        if (this.#mourners.has(entry)) entry.listener(end);
      });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #leaves(): boolean {
    return this.#closing !== undefined || this.#draining !== undefined;
  }

  #checkOpen(): void {
    if (!this.#leaves) return;
    const words =
      this.#closing === undefined ? 'the server drains, and listens nowhere any more' : 'the server is closed';
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.CLOSED });
  }

  hold(): void {
    this.#listening.hold(true);
  }

  release(): void {
    this.#listening.hold(false);
  }

  async #drain(until: number, epitaph: string | undefined): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    // The names first: who is sent away must not come back here.
    const allIn = this.#listening.leave();
    this.#links.sendAway(goAway(epitaph));
    await settledWithin(allIn, until - performance.now());
    while (this.#closing === undefined && this.#links.size > 0 && performance.now() < until) {
      this.#links.closeFinished();
      await this.#lookAgain.after(Math.min(LOOK_MS, Math.max(0, until - performance.now())));
    }
    await this.close({ timeoutMs: Math.max(0, until - performance.now()), epitaph });
  }

  async #close(timeoutMs: number, epitaph: string | undefined): Promise<void> {
    await this.#listening.close();
    const until = performance.now() + timeoutMs;
    await settledWithin((this.#pool ?? this.#admission).whenIdle(), timeoutMs);
    await this.#links.calledBack(until - performance.now());
    await this.#links.close(shutDown(epitaph), epitaph !== undefined, timeoutMs);
    await this.#pool?.close();
    await this.#offering.end();
  }
}

function poolOf(options: ResolvedServerOptions, means: PoolMeans | undefined): Pool | undefined {
  const { pool, maxMetadataBytes, streamWindowBytes, streamWindowMessages, onError } = options;
  if (pool === undefined) return undefined;
  if (means === undefined) {
    const words = 'pool: this composition knows no program for its workers to run: see the options of createGate';
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }
  return new Pool({
    means,
    knobs: resolvePoolKnobs(pool.knobs, means.processors),
    start: resolvePoolStart(pool.start),
    limits: { maxMetadataBytes, streamWindowBytes, streamWindowMessages },
    onError,
  });
}
/** Milliseconds between two looks at what is left, while a server drains. */
const LOOK_MS = 10;

function shutDown(epitaph: string | undefined): RpcError {
  return epitaph === undefined
    ? new RpcError('UNAVAILABLE', 'the server shut down before the call was done', { reason: Reason.CLOSED })
    : new RpcError('UNAVAILABLE', `the server closed: ${epitaph}`, { reason: Reason.EPITAPH });
}
