import {
  begin,
  type Callbacks,
  type Channel,
  type ChannelEnd,
  defaultDirection,
  directionProblem,
  driveAsync,
  greets,
  type Hello,
  type MakeCallbacks,
  methodPath,
  type NotificationMethod,
  noteServed,
  noteThread,
  notificationsOf,
  notifies,
  type PeerDeathListener,
  receiveLoop,
  servingLink,
  threadIdentity,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Address, Link, Listener, Transport, TransportOptions } from '../transport/contract.js';
import { Admission } from './admission.js';
import { CallsInProgress } from './calls-in-progress.js';
import type { Handlers } from './handlers.js';
import { type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.js';
import { methodTable, type Routes, type RoutesById, routesById, routesOf } from './router.js';

/** Where a server listens. */
export interface ListenTarget {
  readonly address: Address;
  readonly transport: Transport;
  readonly transportOptions: TransportOptions;
}

/** Finds where to listen: at the URL, or (undefined) wherever configuration says for the services. */
export type ListenResolver = (
  url: string | undefined,
  transportOptions: TransportOptions | undefined,
  services: readonly ServiceDefinition[],
) => readonly ListenTarget[];

export interface ServerStats {
  readonly links: number;
  /** Calls whose handlers run. */
  readonly running: number;
  /** Calls that wait for their turn. */
  readonly queued: number;
}

export interface CloseOptions {
  /** Milliseconds for what runs to be finished. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Why the server closes, in words for its callers. @default none */
  readonly epitaph?: string | undefined;
}

export interface Server {
  /**
   * Offers a service from now on; links that exist already do not see it. Throws ALREADY_EXISTS for one offered already,
   * and for two methods whose ids are equal where no greeting is exchanged.
   */
  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): Server;
  /**
   * Listens, at a URL or (without one) where configuration says. May be called again for more. Resolves to the URLs.
   * With `direction: 'receive'` (and where the transport can't but) only one-way methods can be called there.
   */
  listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]>;
  /**
   * Takes no more links and calls, finishes what runs for at most `timeoutMs` (default 5000), then stops the rest
   * (their callers get UNAVAILABLE) and closes every link. Idempotent.
   *
   * `epitaph` says why, in words for the callers: those whose calls it stops, and those whose calls it never takes, see
   * it in their error's message (reason EPITAPH), the others in `$channel.closed`.
   */
  close(options?: CloseOptions): Promise<void>;
  /**
   * Calls `listener` once for each client that dies: its process or thread ends, or it vanishes, without an orderly close.
   * Its handlers have been told to stop by then. Returns what takes the listener off again.
   */
  onPeerDeath(listener: PeerDeathListener): () => void;
  /**
   * Lets notifications wait in the kernel from now on, until `release`: no handler of theirs is started. Where real-time
   * signals wait in order, each with its value, equal regular signals become one. Throws FAILED_PRECONDITION
   * (UNSUPPORTED) when none of the transports listened with can (`signal:` can). Idempotent.
   */
  hold(): void;
  /** Undoes `hold`: what has come in the meantime is handled now. */
  release(): void;
  readonly stats: ServerStats;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `makeCallbacks`: how it calls what its clients offer. */
export function createServerOn(
  resolve: ListenResolver,
  options: ServerOptions = {},
  makeCallbacks?: MakeCallbacks,
): Server {
  return new EventLoopServer(resolve, resolveServerOptions(options), makeCallbacks);
}

/** What there is for one link. */
interface Serving {
  calls?: CallsInProgress;
  channel?: Channel;
  callbacks?: Callbacks;
}

/** Runs handlers on the event loop of the thread that made it. */
class EventLoopServer implements Server {
  readonly #resolve: ListenResolver;
  readonly #options: ResolvedServerOptions;
  readonly #admission: Admission;
  readonly #services: ServiceDefinition[] = [];
  readonly #listeners: Listener[] = [];
  readonly #noLongerServed: (() => void)[] = [];
  readonly #serving = new Map<Link, Serving>();
  readonly #makeCallbacks: MakeCallbacks | undefined;
  #routes: Routes = [];
  #routesById: RoutesById = new Map();
  #closing: Promise<void> | undefined;
  readonly #mourners = new Set<{ readonly listener: PeerDeathListener }>();

  constructor(resolve: ListenResolver, options: ResolvedServerOptions, makeCallbacks: MakeCallbacks | undefined) {
    noteThread('serves');
    this.#resolve = resolve;
    this.#makeCallbacks = makeCallbacks;
    this.#options = options;
    this.#admission = new Admission(options.maxConcurrentCalls, options.maxQueuedCalls);
  }

  get stats(): ServerStats {
    return { links: this.#serving.size, running: this.#admission.running, queued: this.#admission.queued };
  }

  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): Server {
    if (this.#services.some((known) => known.typeName === service.typeName)) {
      throw new RpcError('ALREADY_EXISTS', `this server offers ${service.typeName} already`, {
        reason: Reason.BAD_OPTION,
      });
    }
    const interceptors = this.#options.interceptorsFor(service);
    const added = routesOf(service, handlers as Readonly<Record<string, unknown>>, interceptors);
    const routes = [...this.#routes, ...added];
    this.#routesById = routesById(routes);
    this.#services.push(service);
    this.#routes = routes;
    return this;
  }

  async listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]> {
    this.#checkOpen();
    const urls: string[] = [];
    for (const target of this.#resolve(url, transportOptions, this.#services)) {
      const { address, transport } = target;
      this.#checkDirection(target);
      const onLink = (link: Link): void =>
        void this.#serve(servingLink(link, transport.capabilities, target.transportOptions), transport);
      const { onError } = this.#options;
      const notifications = notifies(transport.capabilities) ? this.#notifications() : undefined;
      const listener = await transport.listen(address, target.transportOptions, onLink, onError, notifications);
      if (this.#closing !== undefined) await listener.close();
      this.#checkOpen();
      this.#listeners.push(listener);
      this.#noLongerServed.push(noteServed(listener.url), noteServed(address.url));
      urls.push(listener.url);
    }
    return urls;
  }

  close({ timeoutMs = 5000, epitaph }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs, epitaph);
    return this.#closing;
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

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new RpcError('FAILED_PRECONDITION', 'the server is closed', { reason: Reason.CLOSED });
  }

  #checkDirection({ address, transport, transportOptions }: ListenTarget): void {
    const direction = transportOptions.direction ?? defaultDirection('listen', transport.capabilities);
    if (direction === 'send') {
      const words = `${address.url}: a server takes calls, and so it receives: listen with direction receive or duplex, not send`;
      throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
    }
    const problem = directionProblem(transport, 'listen', direction, address.url);
    if (problem !== undefined) throw problem;
    if (direction === 'duplex' || this.#routes.length === 0 || this.#routes.some(({ method }) => method.oneway)) return;
    const names = this.#services.map(({ typeName }) => typeName).join(', ');
    const words = `${address.url}: with direction receive nothing can be answered, and no method of ${names} is one-way: nothing could be called (capability directions)`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }

  /** All methods must do: throws INVALID_ARGUMENT (UNSUPPORTED) naming the first that can't be a notification. */
  #notifications(): readonly NotificationMethod[] {
    const methods = this.#services.flatMap((service) =>
      Object.values(service.methods).map((method) => ({ path: methodPath(service, method), method })),
    );
    return notificationsOf(methods);
  }

  #hold(on: boolean): void {
    const able = this.#listeners.filter(({ hold, release }) => hold !== undefined && release !== undefined);
    if (able.length === 0) {
      const words = `nothing to ${on ? 'hold' : 'release'}: none of this server's transports lets what is sent wait in the kernel, as signal: does`;
      throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
    }
    for (const listener of able) {
      if (on) listener.hold?.();
      else listener.release?.();
    }
  }

  hold(): void {
    this.#hold(true);
  }

  release(): void {
    this.#hold(false);
  }

  async #serve(link: Link, transport: Transport): Promise<void> {
    const entry: Serving = {};
    this.#serving.set(link, entry);
    const routes = this.#routes;
    const { capabilities } = transport;
    const byId = greets(link, capabilities) ? undefined : this.#routesById;
    try {
      const { maxMessageBytes } = link;
      const { maxMetadataBytes, streamWindowBytes, streamWindowMessages } = this.#options;
      const limits = { maxMessageBytes, maxMetadataBytes, streamWindowBytes, streamWindowMessages };
      const local: Hello = { ...limits, methods: methodTable(routes), thread: threadIdentity() };
      const checksum = this.#options.checksum ?? capabilities.damages;
      const doing = `waiting for the greeting of ${link.peer.address}`;
      const before = performance.now() + this.#options.greetTimeoutMs;
      const notifications = notifies(capabilities) ? this.#notifications() : undefined;
      const beginning = begin(link, { local, checksum, doing, capabilities, notifications });
      const channel = await driveAsync(beginning, link, before);
      const make = this.#makeCallbacks;
      const calls = new CallsInProgress(channel, {
        routes,
        byId,
        admission: this.#admission,
        draining: () => this.#closing !== undefined,
        onError: this.#options.onError,
        callbacks: make && (() => (entry.callbacks ??= make(channel))),
      });
      channel.requests = calls;
      channel.life.onPeerDeath((end) => this.#mourn(end));
      channel.loans.trusted = this.#options.trusted;
      entry.channel = channel;
      entry.calls = calls;
      await receiveLoop(channel);
    } catch (error) {
      const failure = RpcError.from(error, 'INTERNAL');
      link.abort(failure);
      entry.channel?.linkEnded();
      // Closing on either side before the greeting is no failure: a server that stops, somebody who only looked.
      if (failure.reason !== Reason.CLOSED && failure.reason !== Reason.PEER_CLOSED) this.#options.onError(failure);
    } finally {
      this.#serving.delete(link);
      await link.close();
    }
  }

  async #close(timeoutMs: number, epitaph: string | undefined): Promise<void> {
    for (const undo of this.#noLongerServed.splice(0)) undo();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    const until = performance.now() + timeoutMs;
    await settledWithin(this.#admission.whenIdle(), timeoutMs);
    // What was called back from elsewhere than from a handler.
    const back = [...this.#serving.values()].flatMap(({ callbacks }) => callbacks?.idle ?? []);
    if (back.length > 0) await settledWithin(Promise.all(back), until - performance.now());
    const why = shutDown(epitaph);
    await Promise.all(
      [...this.#serving].map(async ([link, { calls, channel, callbacks }]) => {
        callbacks?.failAll(new RpcError('CANCELLED', 'the server was closed', { reason: Reason.CLOSED }));
        calls?.refuseAll(why);
        if (epitaph !== undefined) channel?.sayGoodbye(why);
        await settledWithin(channel?.outbox.drained, timeoutMs);
        // Who sees an orderly end may rely on it: what was not answered was never begun.
        if (channel !== undefined && channel.outbox.length > 0) link.abort(why);
        await link.close();
      }),
    );
  }
}

function shutDown(epitaph: string | undefined): RpcError {
  return epitaph === undefined
    ? new RpcError('UNAVAILABLE', 'the server shut down before the call was done', { reason: Reason.CLOSED })
    : new RpcError('UNAVAILABLE', `the server closed: ${epitaph}`, { reason: Reason.EPITAPH });
}

/** Waits for a promise, but no longer than `ms`. */
async function settledWithin(promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.min(Math.max(0, ms), 2 ** 31 - 1));
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
