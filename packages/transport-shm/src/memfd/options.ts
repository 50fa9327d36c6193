import {
  integerBetween,
  type ResolvedRingOptions,
  type RingOptions,
  refuseBadOptions,
  resolveRingOptions,
  ringOptionChecks,
  ringOptionProblems,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of the shm: transport. */
export interface ShmOptions extends RingOptions {
  /** Listening side: permission bits of the socket at which peers meet. @default 0o600 */
  readonly mode?: number;
  /** Listening side: connections that may wait to be accepted. @default 128 */
  readonly backlog?: number;
}

export type ResolvedShmOptions = ResolvedRingOptions & { readonly mode: number; readonly backlog: number };

const ownChecks = { mode: integerBetween(0, 0o777), backlog: integerBetween(1, 65_535) };

/** One line per problem. */
export function shmOptionProblems(options: TransportOptions): readonly string[] {
  return ringOptionProblems(options, { ...ringOptionChecks, ...ownChecks });
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveShmOptions(options: ShmOptions): ResolvedShmOptions {
  refuseBadOptions('shm', shmOptionProblems(options));
  const { mode, backlog, ...ring } = options;
  return Object.freeze({ ...resolveRingOptions('shm', ring), mode: mode ?? 0o600, backlog: backlog ?? 128 });
}
