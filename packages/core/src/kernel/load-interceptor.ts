import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import type { Interceptor } from '../channel/interceptor.js';
import { Reason, RpcError } from '../errors/index.js';
import type { InterceptorFactory, InterceptorOptions } from './tokens.js';

export interface PackagedInterceptor {
  /** As configuration names it. */
  readonly name: string;
  /** The npm package that brings it, such as `@callgate/interceptors`. */
  readonly package: string;
  /** What the package exports it as: a function of options that gives an interceptor. */
  readonly export: string;
  /** `createRequire(import.meta.url)` of the module that names the package, since that decides where it is looked for. */
  readonly require: NodeJS.Require;
}

/**
 * An interceptor whose package is loaded, synchronously, when it is first configured. Creating it then throws RpcError
 * FAILED_PRECONDITION: PACKAGE_MISSING when the package is not installed, BAD_PLUGIN when it cannot be used.
 */
export function packagedInterceptor(from: PackagedInterceptor): InterceptorFactory {
  const what = `the interceptor "${from.name}"`;
  return {
    name: from.name,
    create: (options) => make(what, load(what, from.package, from.export, from.require), options),
  };
}

/** Whether a configured name is that of a module: a path, or a package with a slash in its name. */
export function namesModule(name: string): boolean {
  return name.includes('/');
}

/**
 * An interceptor from a module that configuration names: its default export is a function of options that gives one.
 * A path is looked for from `folder`. Throws RpcError FAILED_PRECONDITION (PACKAGE_MISSING, BAD_PLUGIN).
 */
export function interceptorFromModule(name: string, folder: string, options: InterceptorOptions): Interceptor {
  const what = `the interceptor "${name}"`;
  const specifier = name.startsWith('.') && !isAbsolute(name) ? resolve(folder, name) : name;
  return make(what, load(what, specifier, 'default', createRequire(resolve(folder, 'config.js'))), options);
}

function load(what: string, specifier: string, exported: string, require: NodeJS.Require): unknown {
  try {
    require.resolve(specifier);
  } catch (cause) {
    const words = `${what} needs ${specifier}, which is not there; install it, or correct its name or path`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.PACKAGE_MISSING, cause });
  }
  let exports: Record<string, unknown>;
  try {
    exports = require(specifier);
  } catch (cause) {
    throw unusable(what, `${specifier} could not be loaded: ${detailOf(cause)}`, cause);
  }
  // A CommonJS module may be the function itself.
  const factory = exported === 'default' && typeof exports === 'function' ? exports : exports[exported];
  if (typeof factory === 'function') return factory;
  throw unusable(what, `${specifier} has no function as its export "${exported}"`);
}

function make(what: string, factory: unknown, options: InterceptorOptions): Interceptor {
  let made: unknown;
  try {
    made = (factory as (options: InterceptorOptions) => unknown)(options);
  } catch (cause) {
    if (RpcError.is(cause)) throw cause;
    throw unusable(what, `making it failed: ${detailOf(cause)}`, cause);
  }
  if (typeof made === 'function') return made as Interceptor;
  throw unusable(what, `expected a function (call, next) => …, found ${made === null ? 'null' : typeof made}`);
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function unusable(what: string, why: string, cause?: unknown): RpcError {
  return new RpcError('FAILED_PRECONDITION', `${what} cannot be used: ${why}`, { reason: 'BAD_PLUGIN', cause });
}
