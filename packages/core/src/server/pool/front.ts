import { type Hello, methodPath } from '../../channel/index.js';
import { compareSchemas, type ServiceDefinition } from '../../codec/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { WorkerStats } from '../stats/server-stats.js';
import type { PoolEvents, PoolListener } from './events.js';
import type { PoolKnobs, ResolvedPoolKnobs } from './options.js';
import type { Pool } from './pool.js';

export interface PoolStats extends WorkerStats {
  /** Calls that have a worker, and calls that wait for one. */
  readonly running: number;
  readonly queued: number;
}

/** A server's pool, as those see it who run the server. */
export interface ServerPool {
  /** As they are now. */
  readonly knobs: ResolvedPoolKnobs;
  readonly stats: PoolStats;
  /**
   * Changes knobs while calls run; those that are not stated stay as they are. Workers start at once where they are
   * missing; where there are too many, those that wait end. Throws INVALID_ARGUMENT (BAD_OPTION), and changes nothing then.
   */
  resize(knobs: PoolKnobs): void;
  /** Calls `listener` whenever a worker has `started`, has `ended`, or is `late`. Returns what takes the listener off again. */
  on<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): () => void;
}

export function shownPool(pool: Pool): ServerPool {
  return Object.freeze({
    get knobs() {
      return pool.knobs;
    },
    get stats() {
      return { ...pool.census(), running: pool.running, queued: pool.queued };
    },
    resize: (knobs: PoolKnobs) => pool.resize(knobs),
    on: <E extends keyof PoolEvents>(event: E, listener: PoolListener<E>) => pool.on(event, listener),
  });
}

export function noPool(): RpcError {
  const words = 'this server has no pool: createServer({ pool: { … } }) makes one that has';
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

/** A service was given to a server with a pool as something that can't be given to another thread. */
export function notAModule({ typeName }: ServiceDefinition): RpcError {
  const words = `${typeName}: a server with a pool runs handlers in worker threads, which load them themselves: give the service as a module, add(…, { module: new URL('./service.js', import.meta.url) })`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

/** What is wrong with what a worker offers, or undefined: its methods must be the front's, one by one. */
export function offersDifferently(services: readonly ServiceDefinition[], { methods }: Hello): string | undefined {
  const own = services.flatMap((service) => Object.values(service.methods).map((method) => ({ service, method })));
  for (const [i, { service, method }] of own.entries()) {
    const path = methodPath(service, method);
    const theirs = methods[i];
    if (theirs === undefined || `${theirs.service}/${theirs.method}` !== path)
      return `its module has another definition of ${service.typeName}, without ${path} in the same place`;
    const what =
      theirs.kind !== method.kind
        ? `it is ${method.kind} here and ${theirs.kind} there`
        : (compareSchemas(method.request.schema, theirs.request) ??
          compareSchemas(method.response.schema, theirs.response));
    if (what !== undefined) return `its module has another definition of ${path}: ${what}`;
  }
  return methods.length === own.length ? undefined : 'its modules define more methods than the server offers';
}
