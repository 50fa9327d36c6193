/** The one file that knows tsyringe (and the metadata API it stands on). */
import 'reflect-metadata';
import { container as root } from 'tsyringe';
import type { Interceptor } from '../channel/interceptor.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Transport } from '../transport/index.js';
import { nearest } from './suggest.js';
import {
  CODEC,
  type Codec,
  INTERCEPTOR,
  INTERCEPTOR_FACTORY,
  type InterceptorFactory,
  TRANSPORT,
  type TransportPlugin,
} from './tokens.js';

/** What is plugged into one kernel. */
export interface Registry {
  /** Throws RpcError INVALID_ARGUMENT (BAD_OPTION) when the scheme is taken. */
  registerTransport(transport: TransportPlugin): void;
  /** Throws RpcError INVALID_ARGUMENT (BAD_OPTION) when the name is taken. */
  registerCodec(codec: Codec): void;
  /** Interceptors run in the order in which they are registered, the first one outermost. */
  registerInterceptor(interceptor: Interceptor): void;
  /** Throws RpcError INVALID_ARGUMENT (BAD_OPTION) when the name is taken, or has a slash. */
  registerInterceptorFactory(factory: InterceptorFactory): void;
  /** Whether a transport is registered for the scheme, installed or not. */
  has(scheme: string): boolean;
  /** Schemes whose transports are at hand, in alphabetical order. */
  schemes(): readonly string[];
  /** `unknown scheme "smh:"; did you mean "shm:"? Known schemes: inproc:, shm:, unix:` */
  explainUnknown(scheme: string): string;
  /** The transport of a scheme, loaded if need be. Throws RpcError INVALID_ARGUMENT (UNKNOWN_SCHEME), or what loading throws. */
  transport(scheme: string): Transport;
  codecs(): readonly string[];
  /** Throws RpcError INVALID_ARGUMENT (BAD_OPTION). */
  codec(name: string): Codec;
  interceptors(): readonly Interceptor[];
  interceptorFactories(): readonly InterceptorFactory[];
}

/** Each registry has a container of its own, below tsyringe's root: nothing is shared between two kernels. */
export function createRegistry(): Registry {
  const container = root.createChildContainer();
  const loaded = new Map<string, Transport>();

  function all<T>(token: symbol): T[] {
    return container.isRegistered(token) ? container.resolveAll<T>(token) : [];
  }

  const find = (scheme: string) => all<TransportPlugin>(TRANSPORT).find((plugin) => plugin.scheme === scheme);
  const schemes = () =>
    all<TransportPlugin>(TRANSPORT)
      .filter((plugin) => !('load' in plugin) || (plugin.installed?.() ?? true))
      .map((plugin) => plugin.scheme)
      .sort();
  const explainUnknown = (scheme: string) => {
    const known = schemes();
    if (known.length === 0) return `unknown scheme "${scheme}:"; no transport is registered`;
    const near = nearest(scheme, known);
    const hint = near === undefined ? '.' : `; did you mean "${near}:"?`;
    return `unknown scheme "${scheme}:"${hint} Known schemes: ${known.map((name) => `${name}:`).join(', ')}`;
  };
  const codecs = () =>
    all<Codec>(CODEC)
      .map((codec) => codec.name)
      .sort();

  return {
    has: (scheme) => find(scheme) !== undefined,
    schemes,
    explainUnknown,
    codecs,
    registerTransport(transport) {
      if (!/^[a-z][a-z0-9+.-]*$/.test(transport.scheme)) {
        throw badPlugin(
          `"${transport.scheme}" cannot be the scheme of a URL: expected lower-case letters, digits, + . -`,
        );
      }
      if (find(transport.scheme) !== undefined) {
        throw badPlugin(`two transports are registered for the scheme "${transport.scheme}:"`);
      }
      container.register(TRANSPORT, { useValue: transport });
    },
    registerCodec(codec) {
      if (codecs().includes(codec.name)) throw badPlugin(`two codecs are registered under the name "${codec.name}"`);
      container.register(CODEC, { useValue: codec });
    },
    registerInterceptor(interceptor) {
      container.register(INTERCEPTOR, { useValue: interceptor });
    },
    registerInterceptorFactory(factory) {
      const { name } = factory;
      if (typeof name !== 'string' || name === '' || name.includes('/')) {
        throw badPlugin(`"${name}" cannot be the name of an interceptor: expected a word without a slash`);
      }
      if (all<InterceptorFactory>(INTERCEPTOR_FACTORY).some((other) => other.name === name)) {
        throw badPlugin(`two interceptors are registered under the name "${name}"`);
      }
      container.register(INTERCEPTOR_FACTORY, { useValue: factory });
    },
    transport(scheme) {
      const known = loaded.get(scheme);
      if (known !== undefined) return known;
      const plugin = find(scheme);
      if (plugin === undefined) {
        throw new RpcError('INVALID_ARGUMENT', explainUnknown(scheme), { reason: Reason.UNKNOWN_SCHEME });
      }
      const transport = 'load' in plugin ? plugin.load() : plugin;
      loaded.set(scheme, transport);
      return transport;
    },
    codec(name) {
      const codec = all<Codec>(CODEC).find((candidate) => candidate.name === name);
      if (codec === undefined) throw badPlugin(`no codec is registered under the name "${name}"`);
      return codec;
    },
    interceptors: () => all<Interceptor>(INTERCEPTOR),
    interceptorFactories: () => all<InterceptorFactory>(INTERCEPTOR_FACTORY),
  };
}

function badPlugin(message: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', message, { reason: Reason.BAD_OPTION });
}
