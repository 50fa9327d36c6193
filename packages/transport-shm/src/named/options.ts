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

/** Options of the transports over shared memory that has a name or a key. */
export interface NamedShmOptions extends RingOptions {
  /** Listening side: permission bits of the place at which peers meet, and of the memory of its links. @default 0o600 */
  readonly mode?: number;
  /** Listening side: clients that may be waiting to be accepted at once. @default 128 */
  readonly backlog?: number;
}

export type ResolvedNamedOptions = ResolvedRingOptions & { readonly mode: number; readonly backlog: number };

const ownChecks = { mode: integerBetween(0, 0o777), backlog: integerBetween(1, 4096) };

/** One line per problem. */
export function namedOptionProblems(options: TransportOptions): readonly string[] {
  return ringOptionProblems(options, { ...ringOptionChecks, ...ownChecks });
}

/** Validates, fills defaults and freezes. `ringBytes` is what rings have when nothing is said of sizes. */
export function resolveNamedOptions(
  scheme: string,
  options: NamedShmOptions,
  ringBytes: number | undefined,
): ResolvedNamedOptions {
  refuseBadOptions(scheme, namedOptionProblems(options));
  const { mode, backlog, ...ring } = options;
  const unsaid = ring.ringBytes === undefined && ring.maxMessageBytes === undefined && ringBytes !== undefined;
  const resolved = resolveRingOptions(scheme, unsaid ? { ...ring, ringBytes } : ring);
  return Object.freeze({ ...resolved, mode: mode ?? 0o600, backlog: backlog ?? 128 });
}
