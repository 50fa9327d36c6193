/**
 * What can be plugged into a kernel, and under which tokens. A plug-in is plain data: whoever composes a kernel lists
 * what it brings, and nothing registers itself by being imported.
 */
import type { Interceptor } from '../channel/interceptor.js';
import type { ServiceDefinition } from '../codec/index.js';
import type { Transport } from '../transport/index.js';

/** Everything registered under this token is a `TransportPlugin`. */
export const TRANSPORT = Symbol('callgate.transport');
/** Everything registered under this token is a `Codec`. */
export const CODEC = Symbol('callgate.codec');
/** Everything registered under this token is an `Interceptor`. */
export const INTERCEPTOR = Symbol('callgate.interceptor');

/** Everything registered under this token is an `InterceptorFactory`. */
export const INTERCEPTOR_FACTORY = Symbol('callgate.interceptor-factory');

/** A transport that is loaded when its scheme is first used. */
export interface LazyTransport {
  readonly scheme: string;
  /** Runs at most once per kernel. Does not return a promise: a blocking client cannot await one. */
  load(): Transport;
  /** Whether `load` can be expected to succeed; only then is the scheme among those suggested. @default true */
  installed?(): boolean;
}

export type TransportPlugin = Transport | LazyTransport;

/** Another way to put messages into bytes than the one their service definition brings along. */
export interface Codec {
  /** As configuration names it. */
  readonly name: string;
  /** The same service, its messages spoken in this codec. Both ends must use the same one. */
  adapt(service: ServiceDefinition): ServiceDefinition;
}

/** Options of an interceptor, as they stand in a configuration. */
export type InterceptorOptions = { readonly [option: string]: unknown };

/** Makes interceptors of one kind, for configurations that name it. */
export interface InterceptorFactory {
  /** As configuration names it; without a slash, since that is a module's. */
  readonly name: string;
  /**
   * Called for each client and each service of a server that is configured to have it. Throws RpcError INVALID_ARGUMENT
   * (BAD_OPTION) for options that do not do.
   */
  create(options: InterceptorOptions): Interceptor;
}

/** What one plug-in brings along. */
export interface Plugin {
  readonly transports?: readonly TransportPlugin[];
  readonly codecs?: readonly Codec[];
  /** Run around every call of the kernel's clients and servers. */
  readonly interceptors?: readonly Interceptor[];
  /** Run where a configuration names them. */
  readonly interceptorFactories?: readonly InterceptorFactory[];
}
