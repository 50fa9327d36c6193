import { type Channel, driveAsync, greet, type Hello, receiveLoop } from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Address, Link, Listener, Transport, TransportOptions } from '../transport/contract.js';
import { Admission } from './admission.js';
import { CallsInProgress } from './calls-in-progress.js';
import type { Handlers } from './handlers.js';
import { type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.js';
import { methodTable, type Route, routesOf } from './router.js';

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

export interface Server {
  /** Offers a service from now on; links that exist already do not see it. Throws ALREADY_EXISTS for one offered already. */
  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): Server;
  /** Listens, at a URL or (without one) where configuration says. May be called again for more. Resolves to the URLs. */
  listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]>;
  /**
   * Takes no more links and calls, finishes what runs for at most `timeoutMs` (default 5000), then stops the rest
   * (their callers get UNAVAILABLE) and closes every link. Idempotent.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  readonly stats: ServerStats;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createServerOn(resolve: ListenResolver, options: ServerOptions = {}): Server {
  return new EventLoopServer(resolve, resolveServerOptions(options));
}

/** Runs handlers on the event loop of the thread that made it. */
class EventLoopServer implements Server {
  readonly #resolve: ListenResolver;
  readonly #options: ResolvedServerOptions;
  readonly #admission: Admission;
  readonly #services: ServiceDefinition[] = [];
  readonly #listeners: Listener[] = [];
  readonly #serving = new Map<Link, { calls?: CallsInProgress; channel?: Channel }>();
  #routes: readonly Route[] = [];
  #closing: Promise<void> | undefined;

  constructor(resolve: ListenResolver, options: ResolvedServerOptions) {
    this.#resolve = resolve;
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
    const added = routesOf(service, handlers as Readonly<Record<string, unknown>>, this.#options.interceptors);
    this.#services.push(service);
    this.#routes = [...this.#routes, ...added];
    return this;
  }

  async listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]> {
    this.#checkOpen();
    const urls: string[] = [];
    for (const target of this.#resolve(url, transportOptions, this.#services)) {
      const { address, transport } = target;
      const onLink = (link: Link): void => void this.#serve(link, transport);
      const listener = await transport.listen(address, target.transportOptions, onLink, this.#options.onError);
      if (this.#closing !== undefined) await listener.close();
      this.#checkOpen();
      this.#listeners.push(listener);
      urls.push(listener.url);
    }
    return urls;
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? 5000);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new RpcError('FAILED_PRECONDITION', 'the server is closed', { reason: Reason.CLOSED });
  }

  async #serve(link: Link, transport: Transport): Promise<void> {
    const entry: { calls?: CallsInProgress; channel?: Channel } = {};
    this.#serving.set(link, entry);
    const routes = this.#routes;
    try {
      const local: Hello = { maxMessageBytes: link.maxMessageBytes, methods: methodTable(routes) };
      const checksum = this.#options.checksum ?? transport.capabilities.damages;
      const doing = `waiting for the greeting of ${link.peer.address}`;
      const before = performance.now() + this.#options.greetTimeoutMs;
      const channel = await driveAsync(greet(link, { local, checksum, doing }), link, before);
      const calls = new CallsInProgress(channel, {
        routes,
        admission: this.#admission,
        draining: () => this.#closing !== undefined,
        onError: this.#options.onError,
      });
      channel.requests = calls;
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

  async #close(timeoutMs: number): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await settledWithin(this.#admission.whenIdle(), timeoutMs);
    const why = new RpcError('UNAVAILABLE', 'the server shut down before the call was done', { reason: Reason.CLOSED });
    await Promise.all(
      [...this.#serving].map(async ([link, { calls, channel }]) => {
        calls?.refuseAll(why);
        await settledWithin(channel?.outbox.drained, timeoutMs);
        await link.close();
      }),
    );
  }
}

/** Waits for a promise, but no longer than `ms`. */
async function settledWithin(promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
