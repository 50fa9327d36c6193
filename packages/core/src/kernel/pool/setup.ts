import type { Interceptor } from '../../channel/index.js';
import type { DependencyContainer } from '../di.js';
import { badService, wordsOf } from '../services.js';
import type { Plugin } from '../tokens.js';

/** What each worker of a pool is to have that can't be given to another thread: what `pool.setup` gives. */
export interface WorkerSetup {
  /** Around the calls of all services, within those that are configured; the first one outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** As the server's own composition has them: codecs, and interceptors that the configuration names. */
  readonly plugins?: readonly Plugin[] | undefined;
  /** Registers what services are to be given by their constructors. */
  readonly provide?: ((container: DependencyContainer) => void) | undefined;
  /** When the worker ends, after its services. */
  readonly end?: (() => void | Promise<void>) | undefined;
}

/** Of a module whose default export is such a setup, or a function that gives one, or a promise of it, or nothing. */
export async function loadSetup(url: string | undefined): Promise<WorkerSetup> {
  if (url === undefined) return {};
  let made: unknown;
  try {
    made = ((await import(url)) as { readonly default?: unknown }).default;
    if (typeof made === 'function') made = (await made()) ?? {};
  } catch (cause) {
    throw badService(`pool.setup: ${url} failed: ${wordsOf(cause)}`, cause);
  }
  if (typeof made === 'object' && made !== null) return made;
  throw badService(`pool.setup: ${url} has no default export that is a function or an object`);
}
