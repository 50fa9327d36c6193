import type { Interceptor, Timeout } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Handle } from '../transport/contract.js';

/** Options of one call. */
export interface CallOptions {
  /** @default the method's (from the IDL), else the client's, else `never` */
  readonly timeout?: Timeout | undefined;
  /** Overtakes calls that are not urgent, where the mechanism can let it (`mq:`). @default the method's (from the IDL), else the client's, else false */
  readonly urgent?: boolean | undefined;
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

/** Which way a client's channel goes: calls out and replies back, or (`send`) one-way calls out and nothing back. */
export type ClientDirection = 'duplex' | 'send';

/** Options of a client. */
export interface ClientOptions<D extends ClientDirection = ClientDirection> {
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
  /** CRC-32 on every message. @default on where the mechanism can damage data */
  readonly checksum?: boolean | undefined;
  /** First one outermost. @default none */
  readonly interceptors?: readonly Interceptor[] | undefined;
}

export interface ResolvedClientOptions {
  readonly direction: ClientDirection;
  readonly timeout: Timeout | undefined;
  readonly urgent: boolean;
  readonly connectTimeoutMs: number;
  readonly immediateGraceMs: number;
  readonly checksum: boolean | undefined;
  readonly interceptors: readonly Interceptor[];
}

const KNOWN = new Set([
  'direction',
  'timeout',
  'connectTimeoutMs',
  'immediateGraceMs',
  'checksum',
  'urgent',
  'interceptors',
]);

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    throw new RpcError(
      'INVALID_ARGUMENT',
      `${unknown}: unknown option of a client; known are ${[...KNOWN].join(', ')}`,
      {
        reason: Reason.BAD_OPTION,
      },
    );
  }
  return Object.freeze({
    direction: directionOf(options.direction ?? 'duplex'),
    timeout: options.timeout,
    urgent: booleanOf('urgent', options.urgent ?? false),
    connectTimeoutMs: milliseconds('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    immediateGraceMs: milliseconds('immediateGraceMs', options.immediateGraceMs ?? 20),
    checksum: options.checksum,
    interceptors: Object.freeze([...(options.interceptors ?? [])]),
  });
}

function directionOf(value: unknown): ClientDirection {
  if (value === 'duplex' || value === 'send') return value;
  const hint = value === 'receive' ? ' (a client calls, and so it sends; what receives is a server)' : '';
  throw new RpcError('INVALID_ARGUMENT', `direction: expected duplex or send, found ${String(value)}${hint}`, {
    reason: Reason.BAD_OPTION,
  });
}

function booleanOf(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new RpcError('INVALID_ARGUMENT', `${name}: expected true or false, found ${String(value)}`, {
    reason: Reason.BAD_OPTION,
  });
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new RpcError('INVALID_ARGUMENT', `${name}: expected milliseconds of 0 or more, found ${String(value)}`, {
    reason: Reason.BAD_OPTION,
  });
}
