import { dirname, resolve as resolvePath } from 'node:path';
import { type Interceptor, opposite } from '../channel/index.js';
import type { Timeout } from '../channel/timeout.js';
import type { Balance, ClientDirection, RetryPolicy } from '../client/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Address, Transport, TransportOptions } from '../transport/contract.js';
import { parseUrl } from './address.js';
import { type Config, checkConfig, targetProblems } from './config/config.js';
import { variableName } from './config/environment.js';
import { type Folded, foldEach } from './config/fold.js';
import { configuredInterceptors } from './config/interceptors.js';
import { describeProblem } from './config/problem.js';
import { settingsProblems } from './config/schema.js';
import type { ConfigInput, Layer, ServiceSettings } from './config/settings.js';
import { fromFile, fromObject } from './config/source.js';
import { createRegistry, type Registry } from './registry.js';
import type { Plugin } from './tokens.js';

export interface KernelOptions {
  /** A file's path (.yaml, .yml or .json) or the settings themselves. @default no settings */
  readonly config?: string | ConfigInput;
  /** Where overriding variables are looked for. @default nowhere */
  readonly env?: NodeJS.ProcessEnv;
  /** What is plugged in, interceptors in the order in which they run. @default nothing */
  readonly plugins?: readonly Plugin[];
}

/** Everything that a client or a server needs to know of where a service is. */
export interface Target {
  readonly address: Address;
  readonly transport: Transport;
  readonly transportOptions: TransportOptions;
  /** As clients see it. Undefined leaves it to the transport's options, else to what the transport can. */
  readonly direction?: ClientDirection;
  /** Undefined leaves it to the method's own, else never. */
  readonly timeout?: Timeout;
  /** Undefined leaves it to the method's own, else false. */
  readonly urgent?: boolean;
  /** The same. */
  readonly waitForReady?: boolean;
  /** Whether either side trusts the other. Undefined: false. */
  readonly trusted?: boolean;
  readonly codec?: string;
  /** Undefined leaves it to the client's own, else to its default. */
  readonly balance?: Balance;
  readonly retry?: RetryPolicy | false;
}

/** The composition: what is plugged in, and what is configured. Immutable. */
export interface Kernel {
  readonly registry: Registry;
  readonly config: Config;
  /**
   * Where a service is: what code says, else what the configuration does. Loads the transport. Throws RpcError
   * INVALID_ARGUMENT (BAD_CONFIG without a URL, BAD_OPTION, BAD_ADDRESS, UNKNOWN_SCHEME) or FAILED_PRECONDITION
   * (PACKAGE_MISSING).
   */
  resolve(service: string, inCode?: ServiceSettings): Target;
  /** The same where a service has several URLs, in their order; all other settings are the same for each. */
  resolveAll(service: string, inCode?: ServiceSettings): readonly [Target, ...Target[]];
  /**
   * Where to listen so that each of the services is reached where code says, else where it is configured to be: one
   * target per URL. Throws as `resolve`, and RpcError INVALID_ARGUMENT (BAD_CONFIG) when services at one URL disagree
   * about its options, or when there is neither a service nor a URL.
   */
  listenTargets(services: readonly string[], inCode?: ServiceSettings): readonly Target[];
  /** The codec that a service is configured to have. */
  codecOf(service: string): string | undefined;
  /**
   * Interceptors around the calls of a service: those that are plugged in, then those that it is configured to have,
   * made anew. Throws RpcError FAILED_PRECONDITION (PACKAGE_MISSING, BAD_PLUGIN) when one can't be had.
   */
  interceptorsOf(service: string): readonly Interceptor[];
  /** A service in the codec of that name; undefined leaves it as it is. Throws RpcError INVALID_ARGUMENT (BAD_OPTION). */
  speak<S extends ServiceDefinition>(service: S, codec: string | undefined): S;
}

/** Throws RpcError INVALID_ARGUMENT: BAD_CONFIG with every problem of the configuration, BAD_OPTION for clashing plug-ins. */
export function createKernel(options: KernelOptions = {}): Kernel {
  const registry = createRegistry();
  for (const plugin of options.plugins ?? []) {
    for (const transport of plugin.transports ?? []) registry.registerTransport(transport);
    for (const codec of plugin.codecs ?? []) registry.registerCodec(codec);
    for (const interceptor of plugin.interceptors ?? []) registry.registerInterceptor(interceptor);
    for (const factory of plugin.interceptorFactories ?? []) registry.registerInterceptorFactory(factory);
  }
  const source = typeof options.config === 'string' ? fromFile(options.config) : fromObject(options.config);
  const folder = typeof options.config === 'string' ? dirname(resolvePath(options.config)) : process.cwd();
  const config = checkConfig(source, options.env ?? {}, registry);

  const resolveAll = (service: string, inCode: ServiceSettings = {}): readonly [Target, ...Target[]] => {
    // First of all, since a bad URL has a reason of its own.
    for (const url of [inCode.url].flat()) if (typeof url === 'string') parseUrl(url);
    refuseBadSettings(service, inCode);
    const [first, ...others] = foldEach([...config.layersOf(service), codeLayer(inCode)]).map((folded) =>
      targetOf(service, folded),
    );
    if (first === undefined) throw noUrl(service, config);
    return [first, ...others];
  };
  const resolve = (service: string, inCode?: ServiceSettings): Target => resolveAll(service, inCode)[0];

  const targetOf = (service: string, folded: Folded): Target => {
    if (folded.address === undefined) throw noUrl(service, config);
    // Loading comes first: what it throws says what to install, or which scheme was meant.
    const transport = registry.transport(folded.address.scheme);
    transport.checkAddress?.(folded.address);
    refuseBadTarget(service, folded, registry);
    return {
      address: folded.address,
      transport,
      transportOptions: Object.freeze({ ...folded.options }),
      ...(folded.direction !== undefined && { direction: folded.direction }),
      ...(folded.timeout !== undefined && { timeout: folded.timeout }),
      ...(folded.urgent !== undefined && { urgent: folded.urgent }),
      ...(folded.waitForReady !== undefined && { waitForReady: folded.waitForReady }),
      ...(folded.trusted !== undefined && { trusted: folded.trusted }),
      ...(folded.codec !== undefined && { codec: folded.codec }),
      ...(folded.balance !== undefined && { balance: folded.balance }),
      ...(folded.retry !== undefined && { retry: folded.retry }),
    };
  };

  return Object.freeze({
    registry,
    config,
    resolve,
    resolveAll,
    listenTargets(services: readonly string[], inCode: ServiceSettings = {}) {
      if (services.length === 0 && inCode.url === undefined) throw nothingToListenFor();
      const targets = new Map<string, Place>();
      for (const service of services.length === 0 ? ['a server'] : services) {
        const [first, ...others] = resolveAll(service, inCode);
        if (others.length > 0) throw severalToListenAt(service, [first, ...others]);
        const target = listening(first);
        const other = targets.get(target.address.url);
        if (other === undefined) targets.set(target.address.url, { target, service });
        else refuseDifferentOptions(config, other, { target, service });
      }
      return [...targets.values()].map(({ target }) => target);
    },
    interceptorsOf: (service: string) => [
      ...registry.interceptors(),
      ...configuredInterceptors(config.settingsOf(service).interceptors, registry, folder),
    ],
    codecOf: (service: string) => config.settingsOf(service).codec,
    speak<S extends ServiceDefinition>(service: S, codec: string | undefined): S {
      // A codec changes how messages are put into bytes, and nothing that a type could tell.
      return codec === undefined ? service : (registry.codec(codec).adapt(service) as S);
    },
  });
}

/** What holds for clients of a target, turned round for its server; what the options say is the server's own word. */
function listening(target: Target): Target {
  const { direction, transportOptions } = target;
  if (direction === undefined || transportOptions.direction !== undefined) return target;
  return { ...target, transportOptions: Object.freeze({ ...transportOptions, direction: opposite(direction) }) };
}

function codeLayer(settings: ServiceSettings): Layer {
  return { settings, path: [], overlays: false, originOf: () => ({}) };
}

function refuseBadSettings(service: string, settings: ServiceSettings): void {
  const lines = settingsProblems(settings).map((problem) => describeProblem(problem, {}));
  if (lines.length > 0) throw badOptions(service, lines);
}

function refuseBadTarget(service: string, folded: Folded, registry: Registry): void {
  const lines = targetProblems(folded, registry).problems.map((problem) => describeProblem(problem, {}));
  if (lines.length > 0) throw badOptions(`${service} at ${folded.address?.url}`, lines);
}

function badOptions(subject: string, lines: readonly string[]): RpcError {
  return new RpcError('INVALID_ARGUMENT', `bad options for ${subject}: ${lines.join('; ')}`, {
    reason: Reason.BAD_OPTION,
  });
}

function noUrl(service: string, config: Config): RpcError {
  const near = config.nearest(service);
  const hint = near === undefined ? '' : ` (${config.name} has "${near}"; did you mean that?)`;
  return new RpcError(
    'INVALID_ARGUMENT',
    `there is no URL for ${service}${hint}; give one in code, as services.${service}.url in callgate.yaml, ` +
      `or in the variable CALLGATE_SERVICES__${variableName(service)}__URL`,
    { reason: Reason.BAD_CONFIG },
  );
}

/** Each of several servers is at one of them, and only its program knows at which. */
function severalToListenAt(service: string, targets: readonly Target[]): RpcError {
  const urls = targets.map(({ address }) => address.url).join(', ');
  const words = `${service} has several URLs (${urls}): give listen() the one at which this server is`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_CONFIG });
}

function nothingToListenFor(): RpcError {
  const words = 'there is no service yet to listen for; add one before listen(), or give listen() a URL';
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_CONFIG });
}

interface Place {
  readonly target: Target;
  readonly service: string;
}

/** Two services at one URL are served by one listener, so their options must agree. */
function refuseDifferentOptions(config: Config, first: Place, second: Place): void {
  if ((first.target.trusted ?? false) !== (second.target.trusted ?? false)) {
    const words = `${config.name}: ${first.service} and ${second.service} share ${first.target.address.url}, but only one is trusted; make them the same`;
    throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_CONFIG });
  }
  if (JSON.stringify(first.target.transportOptions) === JSON.stringify(second.target.transportOptions)) return;
  throw new RpcError(
    'INVALID_ARGUMENT',
    `${config.name}: ${first.service} and ${second.service} share ${first.target.address.url}, but their transport ` +
      'options differ; make them the same, or state them under defaults',
    { reason: Reason.BAD_CONFIG },
  );
}
