import {
  commonOptionChecks,
  integerBetween,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';
import type { MeetingOptions } from '../memfd/kind.js';
import { MESSAGE_BYTES } from './layout.js';

/** Options of the shm+simple: transport. */
export interface SimpleShmOptions extends TransportOptions {
  /** Bytes of the largest message to send or accept; a slot holds 500, whatever this says. @default 500 */
  readonly maxMessageBytes?: number;
  /** Longest pause in ms between two looks at the memory of a link at rest: what a call after a rest may have to wait. @default 100 */
  readonly longestPauseMs?: number;
  /** Listening side: permission bits of the socket at which peers meet. @default 0o600 */
  readonly mode?: number;
  /** Listening side: connections that may wait to be accepted. @default 128 */
  readonly backlog?: number;
}

export interface ResolvedSimpleShmOptions extends MeetingOptions {
  readonly maxMessageBytes: number;
  readonly longestPauseMs: number;
}

const checks = {
  ...commonOptionChecks,
  longestPauseMs: integerBetween(1, 60_000),
  mode: integerBetween(0, 0o777),
  backlog: integerBetween(1, 65_535),
};

/** One line per problem. */
export function simpleShmOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveSimpleShmOptions(options: SimpleShmOptions): ResolvedSimpleShmOptions {
  refuseBadOptions('shm+simple', simpleShmOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: Math.min(options.maxMessageBytes ?? MESSAGE_BYTES, MESSAGE_BYTES),
    longestPauseMs: options.longestPauseMs ?? 100,
    mode: options.mode ?? 0o600,
    backlog: options.backlog ?? 128,
    ...(options.allow === undefined ? {} : { allow: options.allow }),
  });
}
