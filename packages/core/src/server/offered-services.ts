import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { ResolvedServerOptions } from './options.js';
import { notAModule, offersDifferently } from './pool/front.js';
import type { Pool } from './pool/pool.js';
import type { ServicePart } from './pool/threads.js';
import { WorkerCounts } from './pool/worker-counts.js';
import { type Routes, type RoutesById, routesById, routesElsewhere, routesOf } from './router.js';
import type { Offered } from './served-links.js';
import { isServiceModule, type ServiceClass, type ServiceMaker, type ServiceModule } from './services.js';
import { MethodCounts } from './stats/method-counts.js';
import { type LatencyOf, methodStats, type ServerStats } from './stats/server-stats.js';

export interface OfferedServicesOptions {
  readonly server: ResolvedServerOptions;
  readonly pool: Pool | undefined;
  readonly maker: ServiceMaker | undefined;
}

interface Loading {
  readonly service: ServiceDefinition;
  readonly url: string;
  readonly export: string | undefined;
}

/** What a server offers: services whose handlers are here, or will be once their modules are loaded, or are its pool's. */
export class OfferedServices {
  readonly services: ServiceDefinition[] = [];
  readonly #options: OfferedServicesOptions;
  /** Modules that are to be loaded before the server listens: here, or by the workers. */
  readonly #loading: Loading[] = [];
  readonly #parts: ServicePart[] = [];
  #routes: Routes = [];
  #routesById: RoutesById = new Map();
  #started = false;
  #workerCounts: WorkerCounts | undefined;
  /** Loaded when the first services are ready, if durations are kept. */
  #latencyOf: LatencyOf | undefined;

  constructor(options: OfferedServicesOptions) {
    this.#options = options;
  }

  /** For links that come now. */
  get now(): Offered {
    return { services: this.services, routes: this.#routes, routesById: this.#routesById };
  }

  get stats(): ServerStats['methods'] {
    return methodStats(this.#routes, (place) => this.#workerCounts?.of(place) ?? [], this.#latencyOf);
  }

  /** Throws; nothing is added then. */
  add(service: ServiceDefinition, given: unknown): void {
    if (this.services.some((known) => known.typeName === service.typeName)) {
      throw new RpcError('ALREADY_EXISTS', `this server offers ${service.typeName} already`, {
        reason: Reason.BAD_OPTION,
      });
    }
    if (this.#options.pool !== undefined) this.#addPooled(service, given);
    else if (isServiceModule(given)) this.#addModule(service, given);
    else this.#addHandlers(service, typeof given === 'function' ? this.#make(service, given as ServiceClass) : given);
    this.services.push(service);
  }

  /** Loads what is to be loaded. Rejects with what is wrong with it. */
  async ready(): Promise<void> {
    const { pool, server } = this.#options;
    const { histograms } = server;
    if (histograms) this.#latencyOf ??= (await import('./stats/latency.js')).latencyOf;
    if (pool !== undefined) {
      this.#started = true;
      this.#refuseFunctions();
      this.#workerCounts ??= new WorkerCounts(this.#routes.length, histograms);
      await pool.start(this.#parts, this.#workerCounts, (hello) => offersDifferently(this.services, hello));
      return;
    }
    for (let next = this.#loading[0]; next !== undefined; next = this.#loading[0]) {
      const { implementation } = await this.#maker().load(next.url, next.export, next.service.typeName);
      const handlers =
        typeof implementation === 'function'
          ? this.#make(next.service, implementation as ServiceClass)
          : implementation;
      this.#addHandlers(next.service, handlers);
      this.#loading.shift();
    }
  }

  async end(): Promise<void> {
    try {
      await this.#options.maker?.end();
    } catch (error) {
      this.#options.server.onError(RpcError.from(error, 'INTERNAL'));
    }
  }

  #addPooled(service: ServiceDefinition, given: unknown): void {
    if (!isServiceModule(given)) throw notAModule(service);
    if (this.#started) {
      const words = `${service.typeName}: the workers of a pool load their services as they start: add all of them before listen()`;
      throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.BAD_OPTION });
    }
    const { typeName } = service;
    const module = this.#maker().urlOf(given.module);
    this.#addRoutes(routesElsewhere(service));
    this.#parts.push({ typeName, module, export: given.export, codec: this.#options.server.codecOf(typeName) });
  }

  /** Interceptors that are functions of this thread would be missing in the workers, and nobody would know. */
  #refuseFunctions(): void {
    const { interceptorsInCode } = this.#options.server;
    const of = this.services.find((service) => interceptorsInCode(service).length > 0);
    if (of === undefined) return;
    const words = `${of.typeName}: interceptors that are given in code can't be given to the workers of a pool: have pool.setup give them (WorkerSetup), or name them in the configuration`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }

  #addModule(service: ServiceDefinition, given: ServiceModule): void {
    this.#loading.push({ service, url: this.#maker().urlOf(given.module), export: given.export });
  }

  #addHandlers(service: ServiceDefinition, handlers: unknown): void {
    const interceptors = this.#options.server.interceptorsFor(service);
    this.#addRoutes(routesOf(service, (handlers ?? {}) as Readonly<Record<string, unknown>>, interceptors));
  }

  #addRoutes(added: Routes): void {
    const routes = [...this.#routes, ...added];
    this.#routesById = routesById(routes);
    if (this.#options.server.histograms) for (const route of added) route.counts = new MethodCounts(true);
    this.#routes = routes;
  }

  #make(service: ServiceDefinition, given: ServiceClass): Readonly<Record<string, unknown>> {
    return this.#maker().make(service, given, this.#options.server.onError);
  }

  #maker(): ServiceMaker {
    const { maker } = this.#options;
    if (maker !== undefined) return maker;
    const words = 'this server was composed without what makes services of classes and modules: give it handlers';
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
  }
}
