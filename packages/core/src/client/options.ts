import {
  badOption,
  booleanOf,
  bytesOf,
  DEFAULT_METADATA_BYTES,
  type Interceptor,
  interceptorsOf,
  type MetadataInit,
  millisecondsOf,
  type ParentCall,
  type ResolvedWindowOptions,
  resolveWindowOptions,
  type Timeout,
  unknownOption,
  type WindowOptions,
} from '../channel/index.js';
import type { MetadataView } from '../errors/index.js';
import type { Handle } from '../transport/contract.js';
import { type ReconnectOptions, type ResolvedReconnectOptions, resolveReconnectOptions } from './connection/backoff.js';
import { type Balance, resolveBalance } from './connection/balance.js';
import { type ResolvedRetryPolicy, type RetryPolicy, resolveRetry } from './retry/policy.js';

/** Options of one call. */
export interface CallOptions extends CallMetadataOptions {
  /** @default the method's (from the IDL), else the client's, else `never` */
  readonly timeout?: Timeout | undefined;
  /** Overtakes calls that are not urgent, where the mechanism can let it (`mq:`). @default the method's (from the IDL), else the client's, else false */
  readonly urgent?: boolean | undefined;
  /**
   * Where there is no connection, waits for one until the deadline, however often it can't be made, instead of failing
   * with UNAVAILABLE. What no further attempt would change (a refusal, a wrong option) still fails at once, and so do
   * `immediate` calls, which never wait. @default the method's (from the IDL), else the client's, else false
   */
  readonly waitForReady?: boolean | undefined;
  /** When the call, if it fails, is made again; `false`: never, not even when nobody has had it. @default the client's */
  readonly retry?: RetryPolicy | false | undefined;
  /**
   * The call for which this one is made, by its handler's context: it ends with it (deadline, cancellation). `null` for
   * none. @default the call that the handler works on which makes this one; none outside of handlers
   */
  readonly parent?: ParentCall | null | undefined;
  /** Cancels the call: it fails with CANCELLED and its handler's `signal` fires. A blocking call only looks before it begins. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Open file descriptors that go with the request, where they can (capability: handlesPerMessage). They are the call's
   * when the request is in the link: their `value` is -1 then. When the call fails before, they stay the caller's.
   */
  readonly handles?: readonly Handle[] | undefined;
  /** Where to append those that come with the reply. They are the caller's. @default they are closed */
  readonly handlesInto?: Handle[] | undefined;
}

/** What a call's metadata comes and goes by; part of `CallOptions`. */
export interface CallMetadataOptions {
  /** Goes along with the request: text, and bytes under keys that end in `-bin`. */
  readonly metadata?: MetadataInit | undefined;
  /**
   * Hears once what the callee sends in front of its reply, before the call ends; not when the call ends by itself. A
   * blocking call tells when it has ended. What it throws fails the call.
   */
  readonly onHeaders?: ((headers: MetadataView) => void) | undefined;
  /** As `onHeaders`, what the callee sends with the end of the call; that of a failure is also the error's `metadata`. */
  readonly onTrailers?: ((trailers: MetadataView) => void) | undefined;
}

/** Which way a client's channel goes: calls out and replies back, or (`send`) one-way calls out and nothing back. */
export type ClientDirection = 'duplex' | 'send';

/** Options of a client. */
export interface ClientOptions<D extends ClientDirection = ClientDirection> extends WindowOptions {
  /** `send` opens a channel that only sends: the stub then has the one-way methods only. @default 'duplex' */
  readonly direction?: D | undefined;
  /** Timeout of calls whose options and IDL state none. @default 'never' */
  readonly timeout?: Timeout | undefined;
  /** Whether calls whose options and IDL don't say are urgent: see `CallOptions`. @default false */
  readonly urgent?: boolean | undefined;
  /** Milliseconds to connect and greet. @default 10000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds within which a callee must say that it is ready for an `immediate` call. @default 20 */
  readonly immediateGraceMs?: number | undefined;
  /** Whether calls whose options and IDL don't say wait for a connection: see `CallOptions`. @default false */
  readonly waitForReady?: boolean | undefined;
  /**
   * When calls that fail are made again. `false`: never. Left out: only those that no handler has had, which nobody can
   * notice but by the time they take (transparent retries).
   */
  readonly retry?: RetryPolicy | false | undefined;
  /** To which of several addresses each call goes. @default 'pick-first' */
  readonly balance?: Balance | undefined;
  /** How long to wait between attempts to connect. @default at once, then 10 ms, growing by 1.6 up to 2 s */
  readonly reconnect?: ReconnectOptions | undefined;
  /** CRC-32 on every message. @default on where the mechanism can damage data */
  readonly checksum?: boolean | undefined;
  /** Bytes of metadata that a call and its reply may carry. @default 8192, or the server's limit where that is lower */
  readonly maxMetadataBytes?: number | undefined;
  /** First one outermost. @default none */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /**
   * The server is trusted not to change what it has sent: bytes that it sends by reference are received in place, as loans (see
   * `releaseLoan`), instead of copied. @default false
   */
  readonly trusted?: boolean | undefined;
  /**
   * Whether the connection keeps the process alive also while no call is in flight: for a client that waits for the
   * server to call what it offers. @default false
   */
  readonly keepAlive?: boolean | undefined;
}

/** Options of a server's client of what its client offers: the connection is there already. */
export type CallbackOptions = Pick<ClientOptions, 'timeout' | 'immediateGraceMs' | 'interceptors'>;

export interface ResolvedClientOptions extends ResolvedWindowOptions {
  readonly direction: ClientDirection;
  readonly timeout: Timeout | undefined;
  readonly urgent: boolean;
  readonly connectTimeoutMs: number;
  readonly immediateGraceMs: number;
  readonly waitForReady: boolean;
  readonly reconnect: ResolvedReconnectOptions;
  readonly balance: Balance;
  readonly retry: ResolvedRetryPolicy | false | undefined;
  readonly checksum: boolean | undefined;
  readonly maxMetadataBytes: number;
  readonly interceptors: readonly Interceptor[];
  readonly trusted: boolean;
  readonly keepAlive: boolean;
}

const KNOWN = new Set([
  'direction',
  'timeout',
  'connectTimeoutMs',
  'immediateGraceMs',
  'checksum',
  'urgent',
  'maxMetadataBytes',
  'waitForReady',
  'reconnect',
  'streamWindowBytes',
  'streamWindowMessages',
  'retry',
  'balance',
  'interceptors',
  'trusted',
  'keepAlive',
]);

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw unknownOption('client', unknown, [...KNOWN].join(', '));
  return Object.freeze({
    direction: directionOf(options.direction ?? 'duplex'),
    timeout: options.timeout,
    urgent: booleanOf('urgent', options.urgent ?? false),
    connectTimeoutMs: millisecondsOf('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    immediateGraceMs: millisecondsOf('immediateGraceMs', options.immediateGraceMs ?? 20),
    waitForReady: booleanOf('waitForReady', options.waitForReady ?? false),
    reconnect: resolveReconnectOptions(options.reconnect),
    retry: resolveRetry(options.retry),
    balance: resolveBalance(options.balance),
    checksum: options.checksum === undefined ? undefined : booleanOf('checksum', options.checksum),
    maxMetadataBytes: bytesOf('maxMetadataBytes', options.maxMetadataBytes ?? DEFAULT_METADATA_BYTES),
    ...resolveWindowOptions(options),
    interceptors: interceptorsOf(options.interceptors ?? []),
    trusted: booleanOf('trusted', options.trusted ?? false),
    keepAlive: booleanOf('keepAlive', options.keepAlive ?? false),
  });
}

function directionOf(value: unknown): ClientDirection {
  if (value === 'duplex' || value === 'send') return value;
  const hint = value === 'receive' ? ' (a client calls, and so it sends; what receives is a server)' : '';
  throw badOption('direction', 'duplex or send', `${String(value)}${hint}`);
}
