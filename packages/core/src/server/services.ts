/** What a service can be given as, beside its handlers; and what makes handlers of that. */
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Handlers } from './handlers.js';

/**
 * A class whose instances have the handlers. It is made by tsyringe, which gives its constructor what that asks for. One
 * that asks for the call's context (`CALL_CONTEXT`), itself or through what it is given, is made for each call; any other
 * once per thread. What has `dispose`, `[Symbol.dispose]` or `[Symbol.asyncDispose]` is disposed of when that ends.
 */
export type ServiceClass<S extends ServiceDefinition = ServiceDefinition> = new (...given: never[]) => Handlers<S>;

/** A module that has the implementation of a service, for those who load it themselves: the workers of a pool. */
export interface ServiceModule {
  /** `new URL('./geo-service.js', import.meta.url)`, an absolute path, or the name of a package. */
  readonly module: string | URL;
  /**
   * What of the module implements the service: what `implement` gives, a class or handlers. For the last two the module
   * exports the service's definition, too. @default its default export
   */
  readonly export?: string | undefined;
}

/** What belongs together: a definition and what implements it. */
export interface Implemented<S extends ServiceDefinition = ServiceDefinition> {
  readonly service: S;
  readonly implementation: Handlers<S> | ServiceClass<S>;
}

/**
 * The implementation of a service as a module exports it for the workers of a pool: `export default implement(Geo,
 * GeoService)`. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function implement<S extends ServiceDefinition>(
  service: S,
  implementation: Handlers<S> | ServiceClass<S>,
): Implemented<S> {
  if (typeof service?.typeName === 'string' && (typeof implementation === 'function' || isRecord(implementation)))
    return Object.freeze({ service, implementation });
  const words = 'implement: expected a service definition, and the class or the handlers that implement it';
  throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

/** Makes services; what it takes for that is none of a server's business. */
export interface ServiceMaker {
  /** Handlers of a class. Throws FAILED_PRECONDITION (BAD_SERVICE) when it can't be made. `onError` hears of disposing that fails. */
  make(
    service: ServiceDefinition,
    given: ServiceClass,
    onError: (error: RpcError) => void,
  ): Readonly<Record<string, unknown>>;
  /** The URL of a module. Throws INVALID_ARGUMENT (BAD_OPTION). */
  urlOf(module: string | URL): string;
  /** What a module has for a service. Rejects with FAILED_PRECONDITION (BAD_SERVICE). */
  load(url: string, exported: string | undefined, typeName: string): Promise<Implemented>;
  /** Disposes of all that was made. Rejects with what that throws. */
  end(): Promise<void>;
}

export function isServiceModule(given: unknown): given is ServiceModule {
  if (!isRecord(given)) return false;
  const { module } = given;
  // A method may be called that, too.
  return typeof module === 'string' || module instanceof URL;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
