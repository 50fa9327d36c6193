import {
  type Channel,
  type Interceptor,
  noteThread,
  type Offer,
  type Offering,
  type RequestSink,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import { Admission } from './admission.js';
import { CallsInProgress } from './calls-in-progress.js';
import type { Handlers } from './handlers.js';
import { resolveServerOptions, type ServerOptions } from './options.js';
import { methodTable, routesOf } from './router.js';

/**
 * A service that a client offers to its server, over its own connection:
 * `createClient(Geo, url, { offers: [offer(Progress, { report: … })] })`. The server calls it through `context.client`.
 */
export function offer<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): Offer {
  return Object.freeze({ service, handlers: handlers as Readonly<Record<string, unknown>> });
}

/** What a client's calls are answered with: limits and listeners, as a server's. */
export type OfferingOptions = Omit<ServerOptions, 'greetTimeoutMs' | 'checksum'>;

/** The serving side of a client; its limits hold over all its connections. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function createOffering(
  offers: readonly Offer[],
  options: OfferingOptions,
  interceptors: (service: ServiceDefinition) => readonly Interceptor[],
): Offering {
  const { maxConcurrentCalls, maxQueuedCalls, onError, interceptorsFor } = resolveServerOptions(options);
  noteThread('serves');
  const names = offers.map(({ service }) => service.typeName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new RpcError('ALREADY_EXISTS', `offers: ${twice} is offered twice`, { reason: Reason.BAD_OPTION });
  }
  const routes = offers.flatMap(({ service, handlers }) =>
    routesOf(service, handlers, [...interceptors(service), ...interceptorsFor(service)]),
  );
  const admission = new Admission(maxConcurrentCalls, maxQueuedCalls);
  const serve = (channel: Channel): RequestSink =>
    new CallsInProgress(channel, { routes, admission, draining: () => false, onError });
  return { methods: methodTable(routes), serve };
}
