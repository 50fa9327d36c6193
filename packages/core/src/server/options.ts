import {
  atLeast,
  booleanOf,
  bytesOf,
  DEFAULT_METADATA_BYTES,
  functionOf,
  type Interceptor,
  interceptorsOf,
  type ResolvedWindowOptions,
  resolveWindowOptions,
  unknownOption,
  type WindowOptions,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import { dividePoolOptions, type PoolOptions } from './pool/options.js';

/** Options of a server. */
export interface ServerOptions extends WindowOptions {
  /** Calls whose handlers run at the same time, over all links. @default Infinity */
  readonly maxConcurrentCalls?: number | undefined;
  /** Calls that may wait for their turn beyond those; more are answered RESOURCE_EXHAUSTED at once. @default 1000 */
  readonly maxQueuedCalls?: number | undefined;
  /**
   * Handlers run in worker threads, so many at a time: `{ loWater, hiWater, increment, maximum, perWorker, maxQueued }` and
   * more; `{}` for what is usual. @default none: handlers run in the thread of the server
   */
  readonly pool?: PoolOptions | undefined;
  /**
   * Whether `stats()` tells how long calls take, by method. Costs about 0.1 us a call, and 40 KB of memory for each
   * method and thread. @default false
   */
  readonly histograms?: boolean | undefined;
  /** Milliseconds for a new peer to greet. @default 10000 */
  readonly greetTimeoutMs?: number | undefined;
  /** CRC-32 on every message. @default on where the mechanism can damage data */
  readonly checksum?: boolean | undefined;
  /** Bytes of metadata that a call and its reply may carry. @default 8192, or the caller's limit where that is lower */
  readonly maxMetadataBytes?: number | undefined;
  /** First one outermost. @default none */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Those around the calls of one service, asked for when it is added. @default `interceptors`, for all services */
  readonly interceptorsFor?: ((service: ServiceDefinition) => readonly Interceptor[]) | undefined;
  /** Of those, what is there only in this thread; asked for where handlers run in others. @default `interceptorsFor` */
  readonly interceptorsInCode?: ((service: ServiceDefinition) => readonly Interceptor[]) | undefined;
  /** Name of the codec in which workers are to speak a service. @default that of its definition */
  readonly codecOf?: ((typeName: string) => string | undefined) | undefined;
  /**
   * Clients are trusted not to change what they have sent: bytes that they send by reference are received in place, as loans (see
   * `releaseLoan`), instead of copied. @default as configured for where it listens, else false
   */
  readonly trusted?: boolean | undefined;
  /**
   * Hears what went wrong on this side: handlers that threw something other than an RpcError (the `cause`), failures of
   * one-way calls, refused peers, broken links. What it throws is warned of. @default a warning of the process, which Node prints
   */
  readonly onError?: ((error: RpcError) => void) | undefined;
}

export interface ResolvedServerOptions extends ResolvedWindowOptions {
  readonly maxConcurrentCalls: number;
  readonly maxQueuedCalls: number;
  readonly pool: ReturnType<typeof dividePoolOptions> | undefined;
  readonly histograms: boolean;
  readonly greetTimeoutMs: number;
  readonly checksum: boolean | undefined;
  readonly maxMetadataBytes: number;
  readonly interceptorsFor: (service: ServiceDefinition) => readonly Interceptor[];
  readonly interceptorsInCode: (service: ServiceDefinition) => readonly Interceptor[];
  readonly codecOf: (typeName: string) => string | undefined;
  readonly trusted: boolean | undefined;
  readonly onError: (error: RpcError) => void;
}

const KNOWN = new Set([
  'maxConcurrentCalls',
  'maxQueuedCalls',
  'pool',
  'histograms',
  'greetTimeoutMs',
  'checksum',
  'maxMetadataBytes',
  'streamWindowBytes',
  'streamWindowMessages',
  'interceptors',
  'trusted',
  'onError',
]);
/** What composition gives, which is nobody's to set. */
const GIVEN = new Set(['interceptorsFor', 'interceptorsInCode', 'codecOf']);

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name) && !GIVEN.has(name));
  if (unknown !== undefined) throw unknownOption('server', unknown, [...KNOWN].join(', '));
  const interceptors = interceptorsOf(options.interceptors ?? []);
  const { pool } = options;
  if (pool !== undefined) refuseOwnBounds(options);
  return Object.freeze({
    pool: pool === undefined ? undefined : dividePoolOptions(pool),
    histograms: booleanOf('histograms', options.histograms ?? false),
    maxConcurrentCalls: atLeast(1, 'maxConcurrentCalls', options.maxConcurrentCalls ?? Number.POSITIVE_INFINITY),
    maxQueuedCalls: atLeast(0, 'maxQueuedCalls', options.maxQueuedCalls ?? 1000),
    greetTimeoutMs: atLeast(0, 'greetTimeoutMs', options.greetTimeoutMs ?? 10_000),
    checksum: options.checksum === undefined ? undefined : booleanOf('checksum', options.checksum),
    maxMetadataBytes: bytesOf('maxMetadataBytes', options.maxMetadataBytes ?? DEFAULT_METADATA_BYTES),
    ...resolveWindowOptions(options),
    trusted: options.trusted === undefined ? undefined : booleanOf('trusted', options.trusted),
    interceptorsFor: options.interceptorsFor ?? (() => interceptors),
    interceptorsInCode: options.interceptorsInCode ?? options.interceptorsFor ?? (() => interceptors),
    codecOf: options.codecOf ?? (() => undefined),
    onError: options.onError === undefined ? warn : hearing(functionOf('onError', options.onError)),
  });
}

/** How many calls run and wait is the pool's to say. */
function refuseOwnBounds({ maxConcurrentCalls, maxQueuedCalls }: ServerOptions): void {
  const [name, instead] =
    maxConcurrentCalls !== undefined
      ? ['maxConcurrentCalls', 'pool.maximum and pool.perWorker']
      : maxQueuedCalls !== undefined
        ? ['maxQueuedCalls', 'pool.maxQueued']
        : [];
  if (name === undefined) return;
  throw new RpcError('INVALID_ARGUMENT', `${name}: a server with a pool is bounded by ${instead}`, {
    reason: Reason.BAD_OPTION,
  });
}

/** What a listener throws is nobody's answer, and must not cost a link. */
function hearing(listener: (error: RpcError) => void): (error: RpcError) => void {
  return (error) => {
    try {
      listener(error);
    } catch (thrown) {
      warn(RpcError.from(thrown, 'INTERNAL', { cause: thrown }));
    }
  };
}

function warn(error: RpcError): void {
  const { cause } = error;
  const detail = cause instanceof Error ? cause.stack : undefined;
  process.emitWarning(error.message, { type: 'CallgateServerWarning', ...(detail === undefined ? {} : { detail }) });
}
