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
  /** Bytes of memory that this side may allocate for sending by reference; only what was used takes memory. @default 1073741824 (1 GiB) */
  readonly maxSharedBytes?: number;
}

export type ResolvedShmOptions = ResolvedRingOptions &
  Required<Readonly<Pick<ShmOptions, 'mode' | 'backlog' | 'maxSharedBytes'>>>;

const ownChecks = {
  mode: integerBetween(0, 0o777),
  backlog: integerBetween(1, 65_535),
  maxSharedBytes: integerBetween(0, 2 ** 36),
};

/** One line per problem. */
export function shmOptionProblems(options: TransportOptions): readonly string[] {
  return ringOptionProblems(options, { ...ringOptionChecks, ...ownChecks });
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveShmOptions(options: ShmOptions): ResolvedShmOptions {
  refuseBadOptions('shm', shmOptionProblems(options));
  const { mode, backlog, maxSharedBytes, ...ring } = options;
  return Object.freeze({
    ...resolveRingOptions('shm', ring),
    mode: mode ?? 0o600,
    backlog: backlog ?? 128,
    maxSharedBytes: maxSharedBytes ?? 2 ** 30,
  });
}
