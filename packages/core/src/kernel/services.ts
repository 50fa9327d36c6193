/** How services come to be of classes and modules. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CallContext, EndingCall, Implemented, ServiceClass, ServiceMaker } from '../server/index.js';
import type { DependencyContainer } from './di.js';
import { serveTypeScript } from './pool/typescript.js';
import { Scope } from './scope.js';

/** `provide`: registers what services are to be given. */
export function createServiceMaker(provide?: (container: DependencyContainer) => void): ServiceMaker {
  let scope: Scope | undefined;
  let needsCall = false;
  /** One for all services of a thread, so that they can share; made when the first class is. */
  const threadScope = (): Scope => {
    if (scope !== undefined) return scope;
    scope = Scope.ofThread(() => {
      needsCall = true;
      throw new Error('the context of a call (CALL_CONTEXT) can only be had while one is handled');
    });
    provide?.(scope.container);
    return scope;
  };

  return {
    make(service, given, onError) {
      const thread = threadScope();
      needsCall = false;
      try {
        return thread.resolve(given);
      } catch (cause) {
        if (!needsCall) throw notMade(service, given, cause);
        return madePerCall(service, given, thread, onError);
      }
    },
    urlOf,
    load,
    async end() {
      await scope?.end();
    },
  };
}

/** Handlers that make the service for each call, and dispose of what was made when that is over. */
function madePerCall(
  service: ServiceDefinition,
  given: ServiceClass,
  thread: Scope,
  onError: (error: RpcError) => void,
): Readonly<Record<string, unknown>> {
  const handlers: Record<string, unknown> = {};
  const prototype = given.prototype as Readonly<Record<string, unknown>>;
  for (const { localName } of Object.values(service.methods)) {
    if (typeof prototype[localName] !== 'function') continue;
    handlers[localName] = (request: unknown, context: CallContext) => {
      const scope = thread.forCall(context);
      (context as CallContext & EndingCall).atEnd(() => {
        scope.end().catch((error: unknown) => onError(RpcError.from(error, 'INTERNAL')));
      });
      const instance = scope.resolve(given);
      return (instance[localName] as (request: unknown, context: CallContext) => unknown).call(
        instance,
        request,
        context,
      );
    };
  }
  return handlers;
}

function notMade({ typeName }: ServiceDefinition, given: ServiceClass, cause: unknown): RpcError {
  return badService(`${typeName}: ${given.name || 'its class'} can't be made: ${wordsOf(cause)}`, cause);
}

function urlOf(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (module.startsWith('/')) return pathToFileURL(module).href;
  if (!module.startsWith('.')) return module;
  const words = `module: "${module}" could be relative to anything: expected new URL('${module}', import.meta.url), an absolute path, or the name of a package`;
  throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

async function load(url: string, exported = 'default', typeName: string): Promise<Implemented> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    const source = sourceOf(url);
    await serveTypeScript(source);
    exports = (await import(source)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw badService(`${typeName}: its module ${url} can't be loaded: ${wordsOf(cause)}`, cause);
  }
  const found = exports[exported];
  if (found === undefined) {
    const names = Object.keys(exports).join(', ') || 'nothing';
    throw badService(`${typeName}: its module ${url} has no export "${exported}"; it exports ${names}`);
  }
  if (isImplemented(found)) {
    if (found.service.typeName === typeName) return found;
    throw badService(`${typeName}: the export "${exported}" of ${url} implements ${found.service.typeName}`);
  }
  if (typeof found !== 'function' && (typeof found !== 'object' || found === null))
    throw badService(
      `${typeName}: the export "${exported}" of ${url} is neither a class nor handlers: it is ${typeof found}`,
    );
  const service = Object.values(exports).find((one): one is ServiceDefinition => isDefinition(one, typeName));
  if (service !== undefined) return { service, implementation: found as Implemented['implementation'] };
  const words = `${typeName}: its module ${url} has an implementation, but no definition of the service: export default implement(${shortName(typeName)}, …), or export the definition, too`;
  throw badService(words);
}

/**
 * A module goes by the name that it has once it is built. While it is run from source, by a loader of TypeScript, what is
 * there is its source; loaders themselves know that of what TypeScript imports, and this does not.
 */
function sourceOf(url: string): string {
  if (!/^file:.*\.[cm]?js$/.test(url) || existsSync(new URL(url))) return url;
  const source = `${url.slice(0, -2)}ts`;
  return existsSync(new URL(source)) ? source : url;
}

function isDefinition(value: unknown, typeName: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { typeName: name, methods } = value as Partial<ServiceDefinition>;
  return name === typeName && typeof methods === 'object';
}

function isImplemented(value: unknown): value is Implemented {
  if (typeof value !== 'object' || value === null) return false;
  const { service, implementation } = value as Partial<Implemented>;
  return typeof service?.typeName === 'string' && implementation !== undefined;
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}

export function badService(words: string, cause?: unknown): RpcError {
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.BAD_SERVICE, cause });
}

export function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
