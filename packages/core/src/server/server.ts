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
import type { CloseOptions, ListenResolver, Server, ServerStats } from './contract.js';
import type { Handlers } from './handlers.js';
import { checkListening, Listening, notificationsIn } from './listening.js';
import { type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.js';
import { type Routes, type RoutesById, routesById, routesOf } from './router.js';
import { type Offered, ServedLinks } from './served-links.js';
import { settledWithin } from './settled-within.js';

/** `makeCallbacks`: how it calls what its clients offer. */
export function createServerOn(
  resolve: ListenResolver,
  options: ServerOptions = {},
  makeCallbacks?: MakeCallbacks,
): Server {
  return new EventLoopServer(resolve, resolveServerOptions(options), makeCallbacks);
}

/** Runs handlers on the event loop of the thread that made it. */
class EventLoopServer implements Server {
  readonly #resolve: ListenResolver;
  readonly #options: ResolvedServerOptions;
  readonly #admission: Admission;
  readonly #services: ServiceDefinition[] = [];
  readonly #listening = new Listening();
  readonly #links: ServedLinks;
  #routes: Routes = [];
  #routesById: RoutesById = new Map();
  #closing: Promise<void> | undefined;
  readonly #mourners = new Set<{ readonly listener: PeerDeathListener }>();

  constructor(resolve: ListenResolver, options: ResolvedServerOptions, makeCallbacks: MakeCallbacks | undefined) {
    noteThread('serves');
    this.#resolve = resolve;
    this.#options = options;
    this.#admission = new Admission(options.maxConcurrentCalls, options.maxQueuedCalls);
    this.#links = new ServedLinks({
      server: options,
      admission: this.#admission,
      makeCallbacks,
      draining: () => this.#closing !== undefined,
      onPeerDeath: (end) => this.#mourn(end),
    });
  }

  get stats(): ServerStats {
    const { running, queued } = this.#admission;
    return { links: this.#links.size, running, queued, ...this.#links.counts };
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
      const { capabilities } = transport;
      checkListening(target, this.#services);
      const onLink = (link: Link): void =>
        void this.#links.serve(servingLink(link, capabilities, target.transportOptions), capabilities, this.#offered());
      const { onError } = this.#options;
      const notifications = notifies(capabilities) ? notificationsIn(this.#services) : undefined;
      const listener = await transport.listen(address, target.transportOptions, onLink, onError, notifications);
      if (this.#closing !== undefined) await listener.close();
      this.#checkOpen();
      this.#listening.add(listener, target);
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

  hold(): void {
    this.#listening.hold(true);
  }

  release(): void {
    this.#listening.hold(false);
  }

  #offered(): Offered {
    return { services: this.#services, routes: this.#routes, routesById: this.#routesById };
  }

  async #close(timeoutMs: number, epitaph: string | undefined): Promise<void> {
    await this.#listening.close();
    const until = performance.now() + timeoutMs;
    await settledWithin(this.#admission.whenIdle(), timeoutMs);
    await this.#links.calledBack(until - performance.now());
    await this.#links.close(shutDown(epitaph), epitaph !== undefined, timeoutMs);
  }
}

function shutDown(epitaph: string | undefined): RpcError {
  return epitaph === undefined
    ? new RpcError('UNAVAILABLE', 'the server shut down before the call was done', { reason: Reason.CLOSED })
    : new RpcError('UNAVAILABLE', `the server closed: ${epitaph}`, { reason: Reason.EPITAPH });
}
