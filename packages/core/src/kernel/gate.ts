import {
  defaultDirection,
  type Interceptor,
  interceptorsOf,
  methodPath,
  notificationsOf,
  notifies,
} from '../channel/index.js';
import {
  type Client,
  type ClientDirection,
  createCallbacks,
  createClientOn,
  createSyncClientOn,
  type SyncClient,
  type Target,
  targetProblem,
} from '../client/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import {
  createOffering,
  createServerOn,
  type Handlers,
  type Server,
  type ServiceClass,
  type ServiceModule,
} from '../server/index.js';
import type { Mode } from '../transport/contract.js';
import type { ServiceSettings } from './config/settings.js';
import type { ClientSettings, ServerSettings, SyncClientSettings } from './gate-settings.js';
import type { Kernel } from './kernel.js';
import { poolMeans, type WorkerProgram } from './pool/means.js';
import { createServiceMaker } from './services.js';

/** Makes clients and servers. What their arguments leave open comes from one configuration, its plug-ins from one place. */
export interface Callgate {
  /**
   * Makes a stub whose methods give promises: `createClient(Geo, 'shm:geo', { timeout: 250 })`, `createClient(Geo)`,
   * `createClient(Geo, { timeout: 250 })`. Without a URL, the service is where the configuration says; with a list of
   * them, wherever one of them leads (see `balance`). Throws RpcError
   * INVALID_ARGUMENT (BAD_ADDRESS, BAD_CONFIG, BAD_OPTION, UNKNOWN_SCHEME) or FAILED_PRECONDITION (PACKAGE_MISSING); the
   * connection is made by the first call.
   */
  createClient<S extends ServiceDefinition, D extends ClientDirection = 'duplex'>(
    service: S,
    at?: string | readonly string[] | ClientSettings<D>,
    settings?: ClientSettings<D>,
  ): Client<S, D>;
  /** As createClient, but the methods of the stub block the thread and return the reply. */
  createSyncClient<S extends ServiceDefinition, D extends ClientDirection = 'duplex'>(
    service: S,
    at?: string | readonly string[] | SyncClientSettings<D>,
    settings?: SyncClientSettings<D>,
  ): SyncClient<S, D>;
  /** Makes a server; `listen()` without a URL listens where the configuration says for each service that was added. */
  createServer(settings?: ServerSettings): Server;
}

/**
 * The one place where clients and servers meet what is plugged in and what is configured. `workers`: how servers come by
 * the workers of a pool.
 */
export function createGate(kernel: Kernel, workers?: WorkerProgram): Callgate {
  const codecOf = ({ typeName }: ServiceDefinition, stated: string | undefined) => stated ?? kernel.codecOf(typeName);
  const interceptors = (service: ServiceDefinition, own: readonly Interceptor[] = []) => [
    ...kernel.interceptorsOf(service.typeName),
    ...interceptorsOf(own),
  ];

  function clientArguments<S extends ServiceDefinition, D extends ClientDirection>(
    service: S,
    url: string | readonly string[] | undefined,
    settings: ClientSettings<D>,
    mode: Mode,
  ) {
    if (typeof service?.typeName !== 'string') throw noService(service);
    if (typeof settings !== 'object' || settings === null) throw badSettings(settings);
    const {
      transport,
      codec,
      timeout,
      urgent,
      waitForReady,
      trusted,
      balance,
      retry,
      direction: asked,
      offers = [],
      serving = {},
      ...options
    } = settings;
    checkOffered(offers);
    const targets = kernel.resolveAll(
      service.typeName,
      stated({
        url,
        timeout,
        urgent,
        waitForReady,
        trusted,
        balance,
        retry,
        transport,
        codec,
        direction: asked,
      }),
    );
    const [target] = targets;
    // The types know what code says. What only configuration says is known at run time.
    const { capabilities } = target.transport;
    const direction = (target.direction ??
      target.transportOptions.direction ??
      defaultDirection('connect', capabilities)) as D;
    for (const each of targets) {
      const problem = targetProblem(each, direction, mode);
      if (problem !== undefined) throw problem;
      if (offers.length > 0) checkOffers(each, direction, mode);
      // For what it throws: told before any call is made.
      if (notifies(each.transport.capabilities)) notificationsOf(pathsOf(service));
    }
    return {
      service: kernel.speak(service, target.codec),
      target: () => targets,
      offering:
        offers.length === 0
          ? undefined
          : createOffering(
              offers.map((one) => ({ ...one, service: kernel.speak(one.service, codecOf(one.service, codec)) })),
              serving,
              interceptors,
            ),
      options: {
        ...options,
        direction,
        timeout: target.timeout,
        urgent: target.urgent,
        waitForReady: target.waitForReady,
        trusted: target.trusted,
        balance: target.balance,
        retry: target.retry,
        interceptors: interceptors(service, options.interceptors),
      },
    };
  }

  return Object.freeze({
    createClient<S extends ServiceDefinition, D extends ClientDirection>(
      service: S,
      at?: string | readonly string[] | ClientSettings<D>,
      settings?: ClientSettings<D>,
    ) {
      const client = clientArguments(service, ...urlAndSettings(at, settings), 'async');
      return createClientOn(client.service, client.target, client.options, client.offering);
    },
    createSyncClient<S extends ServiceDefinition, D extends ClientDirection>(
      service: S,
      at?: string | readonly string[] | SyncClientSettings<D>,
      settings?: SyncClientSettings<D>,
    ) {
      const client = clientArguments(service, ...urlAndSettings(at, settings), 'sync');
      return createSyncClientOn(client.service, client.target, client.options);
    },
    createServer(settings: ServerSettings = {}) {
      if (typeof settings !== 'object' || settings === null) throw badSettings(settings);
      const { codec, ...options } = settings;
      const speak = <S extends ServiceDefinition>(service: S): S => kernel.speak(service, codecOf(service, codec));
      const server = createServerOn(
        (url, transport, services) =>
          kernel.listenTargets(
            services.map((service) => service.typeName),
            stated({ url, transport }),
          ),
        {
          ...options,
          interceptorsFor: (service) => interceptors(service, options.interceptors),
          interceptorsInCode: () => [...kernel.registry.interceptors(), ...(options.interceptors ?? [])],
          codecOf: (typeName) => codec ?? kernel.codecOf(typeName),
        },
        {
          makeCallbacks: (channel) => createCallbacks(channel, { speak, interceptors }),
          services: createServiceMaker(),
          pool: workers && poolMeans(workers),
        },
      );
      return speaking(server, speak);
    },
  });
}

/** Throws INVALID_ARGUMENT (BAD_OPTION). */
function checkOffered(offers: unknown): void {
  const wrong = Array.isArray(offers)
    ? offers.findIndex((one) => typeof one?.service?.typeName !== 'string' || typeof one.handlers !== 'object')
    : undefined;
  if (wrong === -1) return;
  const words =
    wrong === undefined
      ? 'offers: expected an array of what offer(service, handlers) gives'
      : `offers[${wrong}]: expected what offer(service, handlers) gives`;
  throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

/** Who offers is called over the connection that it opens. Throws FAILED_PRECONDITION (UNSUPPORTED). */
function checkOffers({ address, transport }: Target, direction: ClientDirection, mode: Mode): void {
  const why =
    mode === 'sync'
      ? 'its calls block, and a thread that blocks can serve nothing: use createClient'
      : direction !== 'duplex'
        ? `its channel only sends (direction: ${direction}), and nothing can come back (capability directions)`
        : transport.capabilities.greeting === 'none'
          ? `the two sides of a ${transport.scheme}: channel do not greet each other, so that nobody can say what he offers (capability greeting)`
          : undefined;
  if (why === undefined) return;
  const words = `${address.url}: a client can't offer anything there: ${why}`;
  throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

function pathsOf(service: ServiceDefinition) {
  return Object.values(service.methods).map((method) => ({ path: methodPath(service, method), method }));
}

function noService(found: unknown): RpcError {
  const words = `expected a service definition (generated, or loaded from a .proto file), found ${JSON.stringify(found)}`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

function badSettings(found: unknown): RpcError {
  return new RpcError('INVALID_ARGUMENT', `expected an object of options, found ${String(found)}`, {
    reason: Reason.BAD_OPTION,
  });
}

function urlAndSettings<D extends ClientDirection>(
  at: string | readonly string[] | ClientSettings<D> | undefined,
  settings: ClientSettings<D> = {},
): [string | readonly string[] | undefined, ClientSettings<D>] {
  return isSettings(at) ? [undefined, at] : [at, settings];
}

function isSettings<D extends ClientDirection>(
  at: string | readonly string[] | ClientSettings<D> | undefined,
): at is ClientSettings<D> {
  return typeof at === 'object' && at !== null && !Array.isArray(at);
}

/** Without the settings that are not stated, since those must not hide what is configured. */
function stated(settings: { readonly [K in keyof ServiceSettings]: ServiceSettings[K] | undefined }): ServiceSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as ServiceSettings;
}

/** A server whose services are spoken in the codecs that they are configured to have. */
function speaking(server: Server, speak: <S extends ServiceDefinition>(service: S) => S): Server {
  const outer: Server = {
    add<S extends ServiceDefinition>(service: S, given: Handlers<S> | ServiceClass<S> | ServiceModule) {
      if (typeof service?.typeName !== 'string') throw noService(service);
      server.add(speak(service), given as ServiceModule);
      return outer;
    },
    listen: (url, transportOptions) => server.listen(url, transportOptions),
    close: (options) => server.close(options),
    drain: (options) => server.drain(options),
    drainOnSignals: (signals, options) => server.drainOnSignals(signals, options),
    onPeerDeath: (listener) => server.onPeerDeath(listener),
    hold: () => server.hold(),
    release: () => server.release(),
    stats: () => server.stats(),
    get pool() {
      return server.pool;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return outer;
}
